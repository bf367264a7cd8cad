"""Tracepoint format files: the kernel's form is read exactly, anything else is a FormatError."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from probee.errors import FormatError
from probee.host.formats import parse
from probee.spec.target import FormatField

# Linux 6.18, events/syscalls/sys_enter_openat/format
OPENAT = """\
name: sys_enter_openat
ID: 680
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;
\tfield:int dfd;\toffset:16;\tsize:8;\tsigned:0;
\tfield:const char * filename;\toffset:24;\tsize:8;\tsigned:0;

print fmt: "dfd: 0x%08lx, filename: 0x%08lx", ((unsigned long)(REC->dfd))
field: not read any more
"""
HEAD = "name: e\nID: 1\nformat:\n"


def field(line: str) -> FormatField:
    """The one field of a format file with this line."""
    (only,) = parse(f"{HEAD}\tfield:{line}\n", "c", "e")[1].fields
    return only


def test_the_kernels_own_form() -> None:
    id, record = parse(OPENAT, "syscalls", "sys_enter_openat")
    assert (id, record.category, record.name) == (680, "syscalls", "sys_enter_openat")
    assert [f.name for f in record.fields] == [
        "common_type", "common_flags", "common_preempt_count", "common_pid",
        "__syscall_nr", "dfd", "filename",
    ]  # fmt: skip
    assert record.field("filename") == FormatField("filename", "const char *", 24, 8, False)
    assert record.field("common_pid") == FormatField("common_pid", "int", 4, 4, True)
    assert record.field("nothing") is None


@pytest.mark.parametrize(
    ("declaration", "type", "name"),
    [
        ("char comm[16]", "char[16]", "comm"),
        ("unsigned long args[6]", "unsigned long[6]", "args"),
        ("__data_loc char[] filename", "__data_loc char[]", "filename"),
        ("__rel_loc u8[] data", "__rel_loc u8[]", "data"),
        ("const void*ptr", "const void*", "ptr"),
        ("struct robust_list_head * * head_ptr", "struct robust_list_head * *", "head_ptr"),
        ("u8 a[2][3]", "u8[2][3]", "a"),
        ("char x[TASK_COMM_LEN + 1]", "char[TASK_COMM_LEN + 1]", "x"),
        ("enum zone_type z", "enum zone_type", "z"),
    ],
)
def test_declarations(declaration: str, type: str, name: str) -> None:
    found = field(f"{declaration};\toffset:8;\tsize:4;\tsigned:0;")
    assert (found.type, found.name) == (type, name)


@pytest.mark.parametrize(
    "line",
    [
        "int;\toffset:8;\tsize:4;\tsigned:1;",
        "int 9x;\toffset:8;\tsize:4;\tsigned:1;",
        "int x[;\toffset:8;\tsize:4;\tsigned:1;",
        "[4];\toffset:8;\tsize:4;\tsigned:1;",
        "int x;\toffset:8;\tsize:4;",
        "int x;\toffset:8;\tsize:4;\tsigned:1",
        "int x;\tsize:4;\toffset:8;\tsigned:1;",
        "int x;\toffset:-8;\tsize:4;\tsigned:1;",
        "int x;\toffset:8;\tsize:4;\tsigned:2;",
        "int x;\toffset:0x8;\tsize:4;\tsigned:1;",
        "int x;\toffset:٨;\tsize:4;\tsigned:1;",
        "int x;\toffset:65536;\tsize:4;\tsigned:1;",
        "int x;\toffset:99999999999999999999;\tsize:4;\tsigned:1;",
        "int x;\toffset:8;\tsize:4;\tsigned:1;\textra:1;",
        "int x; offset:8; size:4; signed:1;",
    ],
)
def test_fields_of_another_form_are_refused(line: str) -> None:
    with pytest.raises(FormatError):
        field(line)


def test_a_text_and_a_number_of_one_name_are_two_fields() -> None:
    """Linux 5.10 has them in regmap:regcache_sync."""
    text = (
        HEAD + "\tfield:__data_loc char[] type;\toffset:16;\tsize:4;\tsigned:1;\n"
        "\tfield:int type;\toffset:20;\tsize:4;\tsigned:1;\n"
        "\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:1;\n"
    )
    _, record = parse(text, "c", "e")
    assert [(f.name, f.offset) for f in record.fields] == [
        ("__data_loc_type", 16), ("type", 20), ("name", 24),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "incomplete"),
        ("name: e\nID: 1\nformat:\n", "incomplete"),
        ("name: e\n\tfield:int x;\toffset:8;\tsize:4;\tsigned:1;\n", "line 2"),
        ("name: other\nID: 1\nformat:\n", "'other'"),
        (HEAD + "\tfield:int x;\toffset:8;\tsize:4;\tsigned:1;\n" * 2, "twice"),
        (HEAD + "\tfield:__data_loc int x;\toffset:8;\tsize:4;\tsigned:1;\n" * 2, "twice"),
        ("name: e\nID: x\nformat:\n", "no number"),
        (HEAD + "nonsense\n", "'nonsense' is not expected"),
        ("<html>", "not expected"),
    ],
)
def test_files_of_another_form_are_refused(text: str, what: str) -> None:
    with pytest.raises(FormatError, match=what):
        parse(text, "c", "e")


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
types = st.sampled_from(["int", "const char *", "unsigned long long", "struct x *", "u8"])
fields = st.builds(
    FormatField, names, types, st.integers(0, 8000), st.integers(0, 200), st.booleans()
)


@given(st.lists(fields, min_size=1, unique_by=lambda f: f.name), st.integers(0, 99999))
def test_what_is_written_comes_back(wanted: list[FormatField], id: int) -> None:
    lines = [
        f"\tfield:{f.type} {f.name};\toffset:{f.offset};\tsize:{f.size};\tsigned:{int(f.signed)};\n"
        for f in wanted
    ]
    text = f"name: e\nID: {id}\nformat:\n{''.join(lines)}\nprint fmt: x\n"
    assert parse(text, "c", "e") == (id, parse(text, "c", "e")[1])
    assert parse(text, "c", "e")[1].fields == tuple(wanted)


@given(st.integers(0, len(OPENAT)), st.integers(0, 12), st.text(max_size=12))
def test_a_damaged_file_is_read_or_refused_and_never_crashes(at: int, cut: int, put: str) -> None:
    damaged = OPENAT[:at] + put + OPENAT[at + cut :]
    try:
        parse(damaged, "syscalls", "sys_enter_openat")
    except FormatError:
        pass
