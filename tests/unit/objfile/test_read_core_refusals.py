"""What records about functions can have wrong, and programs that are too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.objfile.read import read
from tests.unit.objfile.samples import (
    CALL,
    CALLED,
    EXIT,
    Sample,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def asked(type_: Callable[[Sample], int], access: str, kind: int) -> str:
    sample = Sample()
    sample.code("socket")
    sample.ask("socket", type_(sample), access, kind)
    return refusal(sample.build())


def pair(sample: Sample) -> int:
    return sample.types.struct("pair", 8, [("a", sample.int, 0), ("b", sample.int, 32)])


def test_questions_to_the_kernel_that_are_none() -> None:
    assert "unknown kind 13; the last is 12" in asked(pair, "0:1", 13)
    assert "STRUCT, has no part 2" in asked(pair, "0:2", 0)
    assert "INT, has no part 0" in asked(pair, "0:1:0", 0)
    assert "ARRAY, has no part 4" in asked(lambda s: s.types.array(s.int, 4), "0:4", 0)
    for access in ("", ":", "0:", "0:-1", "0: 1", "0:x", "0:1١", "0:" + "1" * 11, "0" + ":0" * 64):
        assert "expected up to 64 numbers and colons" in asked(pair, access, 0)
    assert "expected one number" in asked(pair, "0:1", 8)
    assert "expected 0" in asked(pair, "1", 8)
    enum = [("A", 1)]
    assert "has none such" in asked(lambda s: s.types.enum("e", enum), "1", 10)
    assert "has none such" in asked(pair, "0", 11)
    assert "no type 99" in asked(lambda s: s.int + 98, "0", 8)


def test_an_index_into_the_type_itself() -> None:
    sample = Sample()
    sample.code("socket")
    sample.ask("socket", pair(sample), "2:1", 0)
    (core,) = read(sample.build()).program("program").core
    assert (core.kind, core.struct, core.path) == ("byte_off", "pair", "[2].b")


def test_records_about_functions_that_are_none() -> None:
    sample = Sample()
    sample.code("socket")
    sample.typed("socket", sample.int)
    assert "function program has type 1, INT; expected a FUNC" in refusal(sample.build())
    sample = Sample()
    sample.code("socket")
    sample.typed("socket", 0)
    assert "has type 0, VOID" in refusal(sample.build())
    sample = Sample()
    sample.code("socket")
    func = sample.types.func("program", sample.types.func_proto(sample.int, []))
    sample.typed("socket", func)
    sample.typed("elsewhere", func)  # of code that was dropped
    assert len(read(sample.build()).program("program").func_info) == 8
    sample = Sample()
    sample.code("socket")
    sample.typed("socket", func)
    sample.typed("socket", func)
    assert "func_info twice for one section" in refusal(sample.build())


def test_two_records_for_one_place() -> None:
    from probee.btf.ext import BtfExt, ExtSection, FuncInfo, write_ext

    sample = Sample()
    sample.code("socket", EXIT * 2, program=(0, 16))
    rows = (FuncInfo(0, 1), FuncInfo(8, 1))
    ext = write_ext(BtfExt((ExtSection(sample.types.string("socket"), rows),)))
    sample.ext = ext.replace(b"\x08\0\0\0\1\0\0\0", bytes(4) + b"\1\0\0\0")
    assert "two records of func_info for one place" in refusal(sample.build())


def test_many_programs_of_one_large_subprogram() -> None:
    """The file has 1 MB, what it stands for would have gigabytes."""
    sample = Sample()
    sample.code(".text", EXIT * 60_000, large=(0, 480_000))
    programs = {f"p{n}": (n * 16, 16) for n in range(2_000)}
    code = sample.code("socket", (CALL + EXIT) * 2_000, **programs)
    sample.elf.relocate(code, [(n * 16, 0, CALLED) for n in range(2_000)])
    assert "not many times what the file holds" in refusal(sample.build())


def test_a_program_that_no_kernel_takes() -> None:
    sample = Sample()
    sample.code("socket", EXIT * 1_000_001)
    assert "has 1000001 instructions" in refusal(sample.build())


def test_functions_that_call_one_another_for_ever() -> None:
    sample = Sample()
    sample.code(".text", CALL + EXIT + CALL + EXIT, a=(0, 16), b=(16, 16))
    code = sample.code("socket", CALL + EXIT)
    sample.elf.relocate(code, [(0, 0, CALLED)])
    sample.elf.relocate(0, [(0, 1, CALLED), (16, 0, CALLED)])
    (program,) = read(sample.build()).programs
    assert [name for name, _ in program.functions] == ["program", "a", "b"]


def test_a_chain_of_calls_as_long_as_the_file() -> None:
    count = 20_000
    sample = Sample()
    names = {f"f{n}": (n * 16, 16) for n in range(count)}
    text = sample.code(".text", (CALL + EXIT) * count, **names)
    sample.elf.relocate(text, [(n * 16, n + 1, CALLED) for n in range(count - 1)])
    sample.elf.relocate(text, [((count - 1) * 16, 0, CALLED)])
    sample.elf.relocate(sample.code("socket", CALL + EXIT), [(0, 0, CALLED)])
    (program,) = read(sample.build()).programs
    assert len(program.functions) == count + 1


def test_structs_in_one_another_without_end() -> None:
    """What takes too many fields for a value is so many bytes."""
    sample = Sample()
    inner = sample.int
    for depth in range(24):
        inner = sample.types.struct(
            f"s{depth}", 8 << depth, [("a", inner, 0), ("b", inner, 32 << depth)]
        )
    var = sample.types.var("deep", inner)
    sample.types.datasec(".bss", 8 << 23, [(var, 0, 8 << 23)])
    sample.data(".bss", size=8 << 23)
    (variable,) = read(sample.build()).variables
    assert variable.type.size == 8 << 23
    assert variable.type.__class__.__name__ == "ArrayOf"


def test_a_subprogram_that_no_kernel_takes() -> None:
    sample = Sample()
    sample.code(".text", EXIT * 1_000_000, large=(0, 8_000_000))
    sample.elf.relocate(sample.code("socket", CALL + EXIT), [(0, 0, CALLED)])
    assert "has 1000002 instructions with its subprograms" in refusal(sample.build())
