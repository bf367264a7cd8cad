"""What `probee inspect` says of objects of our own, and of hooks of every kind."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

import pytest

from probee.cli import inspect
from probee.cli.inspect_text import lines
from probee.compiler.pipeline import compile_programs
from probee.errors import FormatError, NotSupportedError, UsageError
from probee.frame.document import fields
from probee.frozen import replace
from probee.introspect.inspect.config import parse
from probee.introspect.inspect.explain import explain
from probee.introspect.inspect.facts import Asked
from probee.introspect.inspect.hook import ask_hook
from probee.introspect.inspect.spelling import beginning
from probee.objfile.write import write
from probee.spec.programs import Attach, ProgramSpec
from probee.spec.target import Target
from probee.tables import hooks, programs, sections
from probee.uapi.bpf import BPF_F_SLEEPABLE
from tests.frontend_cases import Facts, captured, names_of
from tests.inspect_kernel import Literal
from tests.inspect_page import PAGE, SHOWN, explained

if TYPE_CHECKING:
    from pathlib import Path

    from probee.introspect.inspect.facts import Kernel

SOURCE = """
from probee import Const, Context, Global, Hash, Struct, tracepoint, u32, u64


class Key(Struct):
    pid: u32
    size: u64


counts = Hash(Key, u64)
only = Const(u32, 3)
total = Global(u64, 7)


@tracepoint("syscalls:sys_enter_openat")
def opening(ctx: Context) -> None:
    if only == u32(ctx.dfd):
        counts[Key(pid=only, size=0)] = total.value


@tracepoint("syscalls:sys_exit_openat")
def opened(ctx: Context) -> None:
    total.value += 1
"""


def data(endian: str = "little", license_: str = "GPL") -> bytes:
    world = captured(names_of(SOURCE))
    spec = compile_programs(world, target=Target(endian=endian), facts=Facts(), frozen={})
    return write(replace(spec, license=license_))


def text(kernel: Kernel | None, **given: str) -> str:
    return "".join(lines(explain("x.o", data(**given), kernel)))


def test_the_page_shows_what_it_prints() -> None:
    shown = SHOWN.search(PAGE.read_text())
    assert shown is not None
    assert shown[2] == explained(), "python -m tests.inspect_page writes it anew"


def test_hooks_are_looked_for() -> None:
    report = explain("x.o", data(), Literal())
    points = {program.name: program.attach_point for program in report.programs}
    assert points["opening"] == Asked("yes")
    assert points["opened"] == Asked("no", "it has no tracepoint syscalls:sys_exit_openat")


def test_without_a_kernel_nothing_is_said_of_one() -> None:
    said = text(None)
    assert " here" not in said
    assert "\n  kernel" not in said


def test_the_other_byte_order_is_explained_and_cannot_be_loaded() -> None:
    said = " ".join(text(Literal(), endian="big").split())
    assert "It cannot be loaded here: it is big endian, and this machine little endian." in said
    assert "each time a task enters openat(2)" in said
    assert "hook here" not in said
    assert "hook here   yes" in text(Literal(big_endian=True), endian="big")


def test_a_kernel_without_types() -> None:
    report = explain("x.o", data(), Literal(no_types="it tells nothing of its types"))
    assert report.kernel_types == Asked("no", "it tells nothing of its types")
    assert "CO-RE cannot be resolved" in "".join(lines(report))


def test_helpers_for_the_gpl_under_another_license() -> None:
    report = explain("x.o", data(license_="Proprietary"), Literal())
    assert not report.gpl
    for program in report.programs:
        assert all(helper.licensed != helper.gpl for helper in program.helpers)


def test_one_program_and_what_it_touches() -> None:
    report = explain("x.o", data(), Literal(), ["opened"])
    assert [program.name for program in report.programs] == ["opened"]
    assert "counts" not in [map_.name for map_ in report.maps]
    said = "".join(lines(report))
    assert (
        f"  has         1 of 2 programs, {len(report.maps)} of {report.maps_in_file} maps\n" in said
    )
    assert "  has         2 programs, " in text(None)
    with pytest.raises(UsageError, match="there is no program 'nobody'"):
        explain("x.o", data(), None, ["nobody"])


def test_types_and_values_in_c() -> None:
    report = explain("x.o", data(), None)
    counts = next(map_ for map_ in report.maps if map_.name == "counts")
    assert counts.key.declaration == "struct Key"
    assert counts.key.definition == ("struct Key {", "  __u32 pid;", "  __u64 size;", "}")
    values = {v.name: v.value for map_ in report.maps for v in map_.variables}
    assert values["total"] == "7"
    assert values["only"] == "3"


def test_texts_without_a_name() -> None:
    """They are called by their place, and by how they begin."""
    source = SOURCE.replace("    total.value += 1", '    print("opened", total.value)')
    world = captured(names_of(source))
    spec = compile_programs(world, target=Target(), facts=Facts(), frozen={})
    report = explain("x.o", write(spec), None, ["opened"])
    assert '.rodata+8 = "opened %llu"' in report.programs[0].variables


def test_how_texts_begin() -> None:
    assert beginning(b'say "hi" \xc3\xa9\n\0more') == '"say \\"hi\\" \xe9\n"'
    assert beginning(b"x" * 40 + b"\0") == f'"{"x" * 29}..."'
    for none in (b"", b"\0", b"?\0", b"ab", b"ab\x1b\0", b"ab\xff\0", "ab\u202e\0".encode()):
        assert beginning(none) == ""


def test_hostile_names_do_not_reach_the_terminal() -> None:
    report = explain("x.o", data(), Literal())
    evil = "\x1b[2J\n\u202eevil\udcff\\"
    program = replace(report.programs[0], name=evil, runs=evil, maps=(evil,), hook=evil)
    said = "".join(lines(replace(report, path=evil, license=evil, programs=(program,))))
    assert all(line.isprintable() for line in said.split("\n"))
    assert r"\x1b[2J\n\u202eevil\xff" in said
    assert evil in json.loads(json.dumps(fields(replace(report, path=evil)))).values()


def test_spoiled_objects_are_refused_or_explained() -> None:
    random, whole = Random(1), data()
    refused = 0
    for _ in range(400):
        spoiled = bytearray(whole)
        for _ in range(random.choice((1, 2, 4))):
            at = random.randrange(64, len(whole))
            spoiled[at] = random.choice((0, 1, 255, spoiled[at] ^ 1 << random.randrange(8)))
        try:
            report = explain("x.o", bytes(spoiled), Literal())
        except (FormatError, NotSupportedError):
            refused += 1
            continue
        assert all(line[:-1].isprintable() for line in lines(report))
    assert 0 < refused < 400


# ------------------------------------------------------------------------------ hooks, one by one


def spec(section: str, hook: str = "", flags: int = 0) -> tuple[ProgramSpec, hooks.Hook]:
    found = sections.by_section(section)
    row = found.row
    attach = programs.attach_type(row.attach_type).number if row.attach_type else 0
    target = (Attach(row.names[0], hook),) if hook else ()
    program = ProgramSpec(
        "p", programs.by_name(row.program_type).number, attach, target, b"", flags=flags
    )
    return program, hooks.by_section(row.names[0])


@pytest.mark.parametrize(
    ("section", "hook", "point", "loads"),
    [
        ("tp", "sched:sched_switch", "yes", "yes"),
        ("tp", "sched:nothing", "no", "yes"),
        ("tp", "", "not asked", "yes"),
        ("raw_tp", "sched_switch", "yes", "yes"),
        ("raw_tp", "nothing", "no", "yes"),
        ("tp_btf", "sched_switch", "yes", "yes"),
        ("tp_btf", "nothing", "no", "no"),
        ("tp_btf", "", "not asked", "not asked"),
        ("fentry", "do_unlinkat", "yes", "yes"),
        ("fexit", "nothing", "no", "no"),
        ("lsm", "file_open", "yes", "no"),
        ("lsm", "nothing", "no", "no"),
        ("iter", "task", "yes", "yes"),
        ("iter", "nothing", "no", "no"),
        ("struct_ops", "tcp_congestion_ops.ssthresh", "yes", "yes"),
        ("struct_ops", "tcp_congestion_ops.nothing", "no", "no"),
        ("struct_ops", "pid.level", "no", "no"),
        ("kprobe", "do_exit", "no", "yes"),
        ("ksyscall", "openat", "no", "yes"),
        ("uprobe", "/bin/sh:main", "yes", "yes"),
        ("uprobe", "/bin/sh:nothing", "no", "yes"),
        ("uprobe", "main", "no", "yes"),
        ("usdt", "libc.so.6:libc:setjmp", "unknown", "yes"),
        ("usdt", "libc.so.6:libc", "no", "yes"),
        ("xdp", "", "not asked", "yes"),
        ("syscall", "", "not asked", "yes"),
        ("freplace", "f", "not asked", "not asked"),
    ],
)
def test_hook(section: str, hook: str, point: str, loads: str) -> None:
    program, row = spec(section, hook)
    found = ask_hook(program, row, Literal())
    assert (found[0].answer, found[1].answer) == (point, loads)


def test_hooks_without_types() -> None:
    kernel = Literal(no_types="none")
    program, row = spec("fentry", "do_unlinkat", BPF_F_SLEEPABLE)
    assert ask_hook(program, row, kernel) == (Asked("unknown", "none"), Asked("no", "none"))
    program, row = spec("raw_tp", "sched_switch")
    assert ask_hook(program, row, kernel)[0] == Asked("unknown", "none")


def test_what_only_a_module_may_have() -> None:
    kernel = Literal()
    kernel.modules = ("nf_tables",)
    program, row = spec("fentry", "nothing")
    point, loads = ask_hook(program, row, kernel)
    assert (point.answer, loads.answer) == ("unknown", "unknown")
    assert "those of its modules are not looked into" in point.why


def test_every_section_says_when_it_runs() -> None:
    assert {row.names[0] for row in sections.SECTIONS} == {hook.section for hook in hooks.HOOKS}
    for hook in hooks.HOOKS:
        for named in ("", "some{0}thing"):
            words = hooks.runs_when(hook.section, named)
            assert words
            assert "{}" not in words


@pytest.mark.parametrize(
    ("section", "hook", "words"),
    [
        ("tracepoint", "syscalls:sys_enter_openat",
         "each time a task enters openat(2), before the kernel reads its arguments"),
        ("tracepoint", "syscalls:sys_exit_openat",
         "each time openat(2) returns to a task: its result is known"),
        ("tracepoint", "a:b", "each time the kernel gets to tracepoint a:b"),
        ("tp_btf", "sched_switch",
         "each time a CPU goes from one task to another, with arguments whose types are known"),
        ("ksyscall", "openat",
         "each time a task enters openat(2), in the kernel's function for it"),
        ("fentry", "f",
         "each time the kernel's function f is called, before its first instruction"),
        ("lsm", "",
         ("each time the kernel asks its security modules at a hook that its loader names:"
          " a result that is not 0 forbids it")),
    ],
)  # fmt: skip
def test_runs_when(section: str, hook: str, words: str) -> None:
    assert hooks.runs_when(section, hook) == words


def test_configuration_as_it_stands_in_the_file() -> None:
    found = parse('CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="a=b"\nX=1\n')
    assert found == {"CONFIG_A": "y", "CONFIG_C": '"a=b"'}


# --------------------------------------------------------------------------------- the command


def run(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = inspect.run(words)
    out, err = capfd.readouterr()
    return status, out, err


def test_files_one_after_the_other(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.o", tmp_path / "bad.o"
    good.write_bytes(data())
    bad.write_bytes(b"\x7fELF but no more")
    status, out, err = run(capfd, "-n", str(bad), str(good), str(tmp_path / "none.o"))
    assert status == 1
    assert "good.o: a BPF object" in out
    assert err.startswith(f"probee inspect: {bad}: an ELF header has 64 bytes")
    assert "none.o: No such file or directory" in err


def test_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.o", tmp_path / "bad.o"
    good.write_bytes(data())
    bad.write_bytes(b"")
    status, out, _ = run(capfd, "-n", "--json", str(good), str(bad))
    whole = json.loads(out)
    assert (status, whole["schema"], whole["version"], whole["command"]) == (
        1, "probee", 1, "inspect",
    )  # fmt: skip
    assert [row["path"] for row in whole["rows"]] == [str(good)]
    error = "an ELF file starts with 7f 45 4c 46 (at byte 0x0)"
    assert whole["errors"] == [{"path": str(bad), "error": error}]


def test_documented_fields_are_those_that_are_printed() -> None:
    """Every field of the document stands in the page, in a row of its tables."""
    page = PAGE.read_text()

    def names(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {name for item in value.values() for name in names(item)}
        if isinstance(value, list):
            return {name for item in value for name in names(item)}
        return set()

    for name in names(fields(explain("x.o", data(), Literal()))):
        assert f"`{name}`" in page or f'"{name}"' in page, name


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ((), 2, "name one or more object files"),
        (("--nothing", "x.o"), 2, "unknown option --nothing"),
    ],
)
def test_wrong_words(
    words: tuple[str, ...], status: int, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    found = run(capfd, *words)
    assert found[0] == status
    assert message in found[2]


def test_a_file_without_end(capfd: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capfd, "-n", "/dev/zero")
    assert status == 1
    assert "/dev/zero: an ELF file starts with" in err


def test_a_program_that_is_not_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.o"
    path.write_bytes(data())
    status, out, err = run(capfd, "-n", "-p", "nobody", str(path))
    assert (status, out) == (2, "")
    assert "there are: opened, opening" in err
