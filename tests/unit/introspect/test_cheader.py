"""The C header of an object, as C compilers see it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from probee.introspect.cheader import c_header
from probee.spec.programs import CollectionSpec, MapSpec
from probee.spec.types import ArrayOf, CharArray, Int, Pointer, StructType, layout
from probee.uapi import bpf as uapi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

U8, S32, U64 = Int("u8", 1, False), Int("s32", 4, True), Int("u64", 8, False)
INNER = layout("Inner", (("a", U8), ("p", Pointer("kernel")), ("yes", Int("bool", 1, False, True))))
OTHER = layout("Inner", (("default", S32),))
EVENT = layout(
    "Event",
    (
        ("first", U8), ("grid", ArrayOf(ArrayOf(S32, 3), 2)), ("inner", INNER),
        ("others", ArrayOf(OTHER, 2)), ("number", U64), ("text", CharArray(5)),
    ),
)  # fmt: skip
SPEC = CollectionSpec(
    maps=(
        MapSpec("events", uapi.BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, value_type=EVENT),
        MapSpec("by", uapi.BPF_MAP_TYPE_HASH, 4, OTHER.size, 4, key_type=S32, value_type=OTHER),
    ),
    programs=(),
)


def test_structs_of_one_name_are_told_apart() -> None:
    text = c_header(SPEC, "my-tool")
    assert text.index("struct Inner {") < text.index("struct Event {")
    assert "#ifndef MY_TOOL_BPF_H\n" in text
    assert "\t__s32 grid[2][3];\n\tstruct Inner inner;\n\tstruct Inner___2 others[2];\n" in text
    assert "\t__u64 p; /* an address in the kernel */\n\t_Bool yes;\n" in text
    assert " * map by (hash): __s32 key -> struct Inner___2 value\n" in text
    least = EVENT.fields[-1].offset
    assert f" *   of {least} to {EVENT.size} bytes; what is cut off of text is 0\n" in text


@pytest.mark.oracle("gcc")
def test_c_lays_it_out_alike(tmp_path: Path, oracle: Callable[[str], str]) -> None:
    """Every offset and size, by the compiler's own word."""
    lines = [c_header(SPEC, "x"), "#include <stddef.h>"]
    for struct, name in ((INNER, "Inner"), (OTHER, "Inner___2"), (EVENT, "Event")):
        assert isinstance(struct, StructType)
        for field in struct.fields:
            member = f"struct {name}, {field.name}{'_' * (field.name == 'default')}"
            lines.append(f'_Static_assert(offsetof({member}) == {field.offset}, "{member}");')
    source = tmp_path / "x.c"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = [oracle("gcc"), "-Wall", "-Werror", "-fsyntax-only", str(source)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
