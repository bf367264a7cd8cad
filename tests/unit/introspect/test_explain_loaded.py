"""Loaded programs explained: from instructions and rows that are made of literals."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from probee.asm import make as m
from probee.frame.document import Absent
from probee.introspect.running.attached import Attachment, cgroup_hook
from probee.introspect.running.code import Reader, plain
from probee.introspect.running.explain import Explanation, MapUse, SourceFile, when
from probee.introspect.running.explain_text import listed, paragraphs
from probee.tables import helpers
from probee.tables.helper_words import WORDS, words
from probee.tables.programs import ATTACH_TYPES
from tests.unit.introspect.running_rows import running

if TYPE_CHECKING:
    from probee.asm.insn import Insn

NAMES = {1: "map_lookup_elem", 2: "map_update_elem", 14: "get_current_pid_tgid",
         25: "perf_event_output", 99: "bpf_task_acquire"}  # fmt: skip


def name(insn: Insn) -> str:
    return NAMES.get(insn.imm, "")


def test_what_code_does() -> None:
    code = [
        m.mov64_reg(6, 1),
        m.ldx_mem(8, 1, 6, 16),
        m.call_helper(14),
        m.ld_map_fd(1, 5),
        m.call_helper(1),
        m.ldx_mem(8, 3, 0, 0),
        m.stx_mem(8, 0, 3, 0),
        m.ld_map_value(7, 6, 24),
        m.atomic("add", 8, 7, 3, 8),
        m.ldx_mem(4, 2, 7, 4),
        m.mov64_reg(1, 6),
        m.ld_map_fd(2, 7),
        m.call_helper(25),
        m.call_helper(77),
        m.ldx_mem(8, 1, 1, 0),  # r1 is gone with the call
        m.exit_(),
        m.ldx_mem(8, 1, 6, 400),  # a function of its own: r6 is not what it was
    ]
    uses = Reader(name).read(code)
    assert uses.calls == ("get_current_pid_tgid", "map_lookup_elem", "perf_event_output")
    assert uses.unnamed == 1
    assert uses.context == ((16, 8),)
    assert uses.maps == {
        5: ("looks up", "reads values of", "writes values of"),
        6: ("writes", "reads"),
        7: ("sends through",),
    }
    assert uses.variables == ((6, 28, 4, False), (6, 32, 8, True))


def test_an_array_that_the_kernel_looks_up_inline() -> None:
    code = [m.ld_map_fd(1, 5), m.alu64_imm("add", 1, 272), m.mov64_reg(0, 1),
            m.st_mem(8, 0, 0, 7), m.exit_()]  # fmt: skip
    assert Reader(name).read(code).maps == {5: ("looks up", "writes values of")}


@pytest.mark.parametrize(
    ("symbol", "helper"),
    [
        ("__htab_map_lookup_elem", "map_lookup_elem"),
        ("array_map_update_elem", "map_update_elem"),
        ("htab_percpu_map_lookup_elem", "map_lookup_elem"),
        ("bpf_ktime_get_ns", "ktime_get_ns"),
        ("bpf_get_current_pid_tgid", "get_current_pid_tgid"),
        ("queue_stack_map_push_elem", "map_push_elem"),
    ],
)
def test_the_helper_behind_a_function(symbol: str, helper: str) -> None:
    assert plain(symbol) == helper
    assert helpers.exists(plain(symbol))


def test_every_row_of_words_names_helpers() -> None:
    known = [helper.name for helper in helpers.all_helpers()]
    patterns = [pattern for row, _ in WORDS for pattern in row]
    assert len(set(patterns)) == len(patterns)
    for pattern in patterns:
        assert any(fnmatchcase(one, pattern) for one in known), pattern
    assert words("probe_read_user_str") == "reads memory of processes"
    assert words("nothing") == ""


@pytest.mark.parametrize(
    ("one", "part"),
    [
        (Attachment("tracepoint", "syscalls:sys_exit_openat"), "openat(2) returns"),
        (Attachment("tracepoint", "nfs:nfs_x"), "tracepoint nfs:nfs_x"),
        (Attachment("raw_tracepoint", "sched_switch"), "goes from one task to another"),
        (Attachment("tp_btf", "sys_exit"), "any system call returns"),
        (Attachment("kprobe", "vfs_read"), "vfs_read is called"),
        (Attachment("kretprobe", "vfs_read"), "vfs_read returns"),
        (Attachment("kprobe.multi", "312 functions"), "one of the functions"),
        (Attachment("uprobe", "/lib/libc.so.6:malloc"), "gets to /lib/libc.so.6:malloc"),
        (Attachment("uretprobe.multi", "/x:f,g"), "returns from"),
        (Attachment("fentry", "vfs_read"), "vfs_read is called"),
        (Attachment("fmod_ret", "f"), "f is called"),
        (Attachment("freplace", "f in program 7"), "in place of"),
        (Attachment("lsm", "file_open"), "file_open"),
        (Attachment("lsm", "file_open", "in cgroup /app"), "for a task of the"),
        (Attachment("iter", "task"), "iterator task"),
        (Attachment("cgroup", "/app", "egress"), "send"),
        (Attachment("cgroup", "/app", "connect4"), "connect(2)"),
        (Attachment("xdp", "eth0"), "before the network stack"),
        (Attachment("xdp", "eth0", "driver"), "before the network stack"),
        (Attachment("tcx", "eth0", "egress"), "leaves by a network interface"),
        (Attachment("netkit", "eth0", "peer"), "peer side"),
        (Attachment("tc", "eth0", "clsact/ingress"), "queueing"),
        (Attachment("tc action", "eth0", "clsact/ingress"), "traffic control"),
        (Attachment("netfilter", "ip", "input"), "netfilter"),
        (Attachment("sk_lookup", "in this network namespace"), "socket"),
        (Attachment("flow_dissector", "in this network namespace"), "headers"),
        (Attachment("sockmap", "socks", "stream_verdict"), "message"),
        (Attachment("sockmap", "socks", "msg_verdict"), "sends"),
        (Attachment("struct_ops", "ops"), "member of the struct_ops map"),
        (Attachment("perf_event", "cpu-clock"), "overflows"),
        (Attachment("tail call", "jumps"), "through the table jumps"),
        (Attachment("link of type 99"), ""),
    ],
    ids=lambda value: value.words if isinstance(value, Attachment) else "",
)
def test_when_it_runs(one: Attachment, part: str) -> None:
    assert part in when(one)
    assert bool(when(one)) == bool(part)
    assert "{" not in when(one)


def test_every_hook_of_a_cgroup_has_a_sentence() -> None:
    for row in ATTACH_TYPES:
        if row.name.startswith("CGROUP_"):
            assert when(Attachment("cgroup", "/app", cgroup_hook(row.name))), row.name


def explanation(**changes: Any) -> Explanation:
    fields: dict[str, Any] = {
        "program": running(), "gpl": True, "instructions": 69, "jited": 336, "verified": 78,
        "functions": 1, "when": ("each time openat(2) returns to a task",),
        "does": ("takes the time", "asks which CPU it runs on"), "calls": ("ktime_get_ns",),
        "kfuncs": (), "fields": ("filename",),
        "maps": (
            MapUse(1, "counts\x1b", "hash", "values by key", 10, 4096, ("looks up", "updates")),
            MapUse(2, ".bss", "array", "variables", 1, 8192, ("reads", "writes"), ("a",), ("b",)),
        ),
        "sources": (SourceFile("/src/a.py", 3, 9, 4), SourceFile("/src/b.py", 1, 1, 1)),
    }  # fmt: skip
    return Explanation(**(fields | changes))


def prose(one: Explanation) -> list[str]:
    return [text for text, _ in paragraphs(one, "User root", 0.5)]


def test_prose() -> None:
    found = prose(explanation())
    assert found[0] == (
        "Program 7, exit_openat, is a tracepoint program. It runs each time openat(2) returns to a "
        "task. It is attached to tracepoint syscalls:sys_exit_openat by link 3."
    )
    assert found[1] == (
        "It reads the field filename of the tracepoint's record. It takes the time and asks which "
        "CPU it runs on."
    )
    assert found[2:5] == [
        "It uses 2 maps:",
        r"  counts\x1b (hash 1, values by key; 4.0K): it looks up and updates it",
        "  .bss (array 2, variables; 8.0K): it reads a; it writes b",
    ]
    assert found[5].endswith(
        "It is held by opensnoop (42), by descriptors of the program and link and the pin "
        "/sys/fs/bpf/x, of the link."
    )
    assert found[6] == (
        "It is 69 instructions long, 336 bytes of machine code. The verifier went through 78 "
        "instructions. It comes from /src/a.py lines 3 to 9 and /src/b.py line 1."
    )
    assert found[7] == (
        "It takes 4.0K of memory, its maps 1.0M. In 0.5 s of looking it ran 1,000 times a second, "
        "500 ns each, which is 0.05 % of a CPU; 5,000 runs of 0.003 s in all were counted."
    )


def test_prose_of_links_at_hooks_that_are_not_known() -> None:
    known = Attachment("kprobe", "f", link=3)
    hidden = [Attachment("link", "perf_event", link=link) for link in (4, 7)]
    (first, *_) = prose(explanation(program=running(attached=(known, *hidden)), when=()))
    assert first == (
        "Program 7, exit_openat, is a tracepoint program. At hooks that are not known here it is "
        "held by link 4 (of type perf_event) and link 7 (of type perf_event). It is attached to "
        "kprobe f by link 3."
    )


@pytest.mark.parametrize(("more", "words"), [(1, "1 more place"), (2, "2 more places")])
def test_prose_of_many_places(more: int, words: str) -> None:
    places = tuple(Attachment("kprobe", f"f{n}", link=n) for n in range(1, 9 + more))
    (first, *_) = prose(explanation(program=running(attached=places)))
    assert first.endswith(f"kprobe f8 by link 8 and {words}.")


def test_prose_of_what_is_not_known() -> None:
    none = Absent("needs CAP_SYS_ADMIN")
    row = running(attached=none, holders=(), pins=(), runs_per_second=none, memory=none, name="")
    one = explanation(program=row, does=none, calls=none, fields=none, sources=none, maps=(),
                      jited=0, gpl=False, functions=3, verified=0)  # fmt: skip
    text = "\n".join(prose(one))
    assert "Program 7 is a tracepoint program. Where it is attached is not known" in text
    assert "What it does is not known: needs CAP_SYS_ADMIN." in text
    assert "What holds it" not in text
    assert "what holds it cannot be seen" in text
    assert "in 3 functions, interpreted" in text
    assert "not the GPL's kind. Its source is not known" in text
    assert "How often it runs is not known: needs CAP_SYS_ADMIN." in text
    nothing = explanation(program=running(attached=(), runs_per_second=0.0), does=(), fields=(),
                          maps=())  # fmt: skip
    text = "\n".join(prose(nothing))
    assert "It is attached nowhere, and does not run." in text
    assert "It calls nothing and uses no map" in text
    assert "It did not run in 0.5 s of looking" in text


def test_lists() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"
