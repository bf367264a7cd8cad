"""`probee prog dump xlated` beside bpftool 7.5 and 7.1, on programs of the test's own."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from probee.asm import make as m
from probee.asm.encode import encode
from probee.host import bpf
from probee.tables.programs import by_name
from tests.objects.build import Object
from tests.oracle.bpftool_lab import PROBEE, ROOT, Lab, id_of, lab, probee, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support import Spawn

__all__ = ("lab",)
pytestmark = [pytest.mark.kernel, pytest.mark.oracle("bpftool-7.5", "bpftool")]

# Subprograms and callbacks, map values, strings.
CORPUS = ("calls", "data", "strings", "nested", "shown", "kconfig")
WORDS = (("opcodes",), ("linum",), ("visual",), ("vis", "opc", "lin"))


KFUNC = """
extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms")));
extern void bpf_rcu_read_unlock(void) __attribute__((section(".ksyms")));
char _license[] __attribute__((section("license"))) = "GPL";
__attribute__((section("tp_btf/task_newtask")))
int locks(unsigned long long *ctx) { bpf_rcu_read_lock(); bpf_rcu_read_unlock(); return 0; }
"""


def same_in_all_forms(lab: Lab, *selector: str) -> str:
    """The plain listing."""
    text = lab.same("prog", "dump", "xlated", *selector)
    if not lab.older:
        lab.same("prog", "dump", "xlated", *selector, "opcodes", "lin")
    for words in WORDS[: 2 if lab.older else None]:  # 7.1 takes one, and draws otherwise
        lab.same("prog", "dump", "xlated", *selector, *words, forms=((),))
    return text


@pytest.mark.parametrize("source", CORPUS)
def test_objects_of_the_corpus(lab: Lab, built: Callable[[Object], Path], source: str) -> None:
    folder = lab.load(built(Object((source,), 19)))
    for one in sorted(os.listdir(f"{folder}/progs")):
        text = same_in_all_forms(lab, "pinned", f"{folder}/progs/{one}")
        assert "\n; " in text, "no source lines"


def test_what_the_listings_show(lab: Lab, built: Callable[[Object], Path]) -> None:
    """Functions, their calls, kfuncs, maps and their values by name."""
    folder = lab.load(built(Object(("calls",), 19)), "calls")
    texts = [probee("prog", "dump", "xlated", "pinned", f"{folder}/progs/{one}").out
             for one in os.listdir(f"{folder}/progs")]  # fmt: skip
    folder = lab.load(built(Object(("data",), 19)), "data")
    texts += [probee("prog", "dump", "xlated", "pinned", f"{folder}/progs/{one}").out
              for one in os.listdir(f"{folder}/progs")]  # fmt: skip
    text = "".join(texts)
    assert "(85) call pc+" in text
    assert "deep(u32 value):\n" in text.replace("__u32", "u32")
    assert "map[id:" in text
    assert "][0]+" in text


def test_an_object_without_btf(lab: Lab) -> None:
    fd = lab.program(by_name("xdp").number, name="bare")
    assert same_in_all_forms(lab, "id", id_of(fd)) == "   0: (b7) r0 = 0\n   1: (95) exit\n"


def test_a_big_program(lab: Lab) -> None:
    code = [m.mov64_imm(0, 0)] + [m.alu64_imm("add", 0, number) for number in range(9000)]
    fd = lab.program(by_name("socket_filter").number, encode([*code, m.exit_()]), "big")
    assert same_in_all_forms(lab, "id", id_of(fd)).count("\n") == 9002


def test_several_of_one_name(lab: Lab) -> None:
    for _ in range(2):
        lab.program(by_name("xdp").number, name="two_of_these")
    lab.same("prog", "dump", "xlated", "name", "two_of_these", "opc")


def test_raw_bytes_go_to_a_file(lab: Lab, built: Callable[[Object], Path], tmp_path: Path) -> None:
    folder = lab.load(built(Object(("calls",), 19)))
    for one in sorted(os.listdir(f"{folder}/progs")):
        mine, theirs = tmp_path / "mine", tmp_path / "theirs"
        words = ("prog", "dump", "xlated", "pinned", f"{folder}/progs/{one}", "file")
        assert probee(*words, str(mine)) == run(lab.bpftool, *words, str(theirs))
        assert mine.read_bytes() == theirs.read_bytes() != b""


def test_kfuncs(lab: Lab, oracle: Callable[[str], str], tmp_path: Path) -> None:
    source, path = tmp_path / "kfunc.c", tmp_path / "kfunc.o"
    source.write_text(KFUNC, encoding="ascii")
    done = run(oracle("clang-19"), "--target=bpf", "-g", "-O2", "-c", str(source), "-o", str(path))
    assert done.status == 0, done.err
    folder = lab.load(path)
    assert "call bpf_rcu_read_lock#" in same_in_all_forms(lab, "pinned", f"{folder}/progs/locks")


def test_an_opensnoop_of_probee(lab: Lab, spawn: Spawn) -> None:
    """Programs of probee's own compiler, with lines of Python."""
    tool = spawn(sys.executable, "-m", "probee", "opensnoop", "-p", str(os.getpid()), cwd=ROOT)
    assert tool.stdout is not None
    tool.stdout.readline()
    held = [row["id"] for row in json.loads(probee("-j", "prog", "show").out)
            if any(one["pid"] == tool.pid for one in row.get("pids", ()))]  # fmt: skip
    assert held
    for id in held:
        assert "\n; " in same_in_all_forms(lab, "id", str(id))


def test_what_the_kernel_hides_is_told(lab: Lab, built: Callable[[Object], Path]) -> None:
    folder = lab.load(built(Object(("calls",), 19)))
    program = f"{folder}/progs/{min(os.listdir(f'{folder}/progs'))}"
    for missing, form, right in (
        ("-bpf,-sys_admin", "xlated", "CAP_BPF"),
        ("-bpf,-sys_admin", "jited", "CAP_BPF"),
        ("-syslog", "jited", "CAP_SYSLOG"),
    ):
        command = (sys.executable, "-IS", "-c", PROBEE, "prog", "dump", form, "pinned", program)
        done = run("setpriv", f"--bounding-set={missing}", *command)
        assert (done.out, done.status) == ("", 1), (missing, form)
        assert right in done.err
    words = ("prog", "dump", "xlated", "pinned", program)
    done = run("setpriv", "--bounding-set=-syslog", sys.executable, "-IS", "-c", PROBEE, *words)
    theirs = run("setpriv", "--bounding-set=-syslog", lab.bpftool, *words)
    assert (done.out, done.status) == (theirs.out, 0)
    assert "CAP_SYSLOG" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "expected 'xlated' or 'jited'"),
        (("raw", "id", "1"), "got: 'raw'"),
        (("xlated",), "expected 'id', 'tag', 'name' or 'pinned'"),
        (("xlated", "name", "two_here", "file", "x"), "several programs match, and 'file' takes"),
        (("xlated", "name", "two_here", "visual"), "several programs match, and 'visual' takes"),
        (("xlated", "name", "one_here", "file"), "expected file path"),
        (("xlated", "name", "one_here", "file", "x", "linum"), "'file' is not compatible"),
        (("xlated", "name", "one_here", "hex"), "'hex' is not understood"),
        (("jited", "name", "one_here", "visual"), "'visual' is not understood"),
        (("xlated", "name", "one_here", "file", "/no/such/folder/x"), "can't open file"),
    ],
)
def test_refusals(lab: Lab, words: tuple[str, ...], told: str) -> None:
    for name in ("one_here", "two_here", "two_here"):
        lab.program(by_name("xdp").number, name=name)
    done = probee("prog", "dump", *words)
    assert told in done.err
    assert (done.out, bool(done.status)) == ("", True)
    assert run(lab.bpftool, "prog", "dump", *words).status != 0


def test_a_graph_is_no_json(lab: Lab) -> None:
    id = id_of(lab.program(by_name("xdp").number))
    done = probee("-j", "prog", "dump", "xlated", "id", id, "visual")
    assert "not compatible with JSON" in json.loads(done.out)["error"]
    assert done.status == 2


def test_the_flow_of_a_program_by_any_selector(lab: Lab) -> None:
    fd = lab.program(by_name("xdp").number, name="one_flow")
    bpf.obj_pin(fd, f"{lab.pins}/flow")
    wanted = probee("cfg", "id", id_of(fd))
    assert "r0 = 0" in wanted.out
    for words in (("name", "one_flow"), ("pinned", f"{lab.pins}/flow")):
        assert probee("cfg", *words) == wanted
    lab.program(by_name("xdp").number, name="one_flow")
    assert "several programs match" in probee("cfg", "name", "one_flow").err
    assert "can't parse tag" in probee("cfg", "tag", "00").err
