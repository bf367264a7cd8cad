"""What the compiler says of its code: the place and the names behind each slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from probee.asm.decode import decode
from tests.error_pages import PRELUDE
from tests.frontend_cases import compiled, names_of

if TYPE_CHECKING:
    from probee.spec.debug import DebugInfo, Step

SOURCE = """\
@tracepoint("syscalls:sys_enter_openat")
def program(ctx: Context) -> None:
    größe = u32(ctx.flags); p = seen.get(größe)
    if p is not None:
        p.y = p.y + 1
    counts[7] = min(ctx.mode, 7)
    for i in range(ctx.flags & 7):
        total.value += i
"""


def debug_of(source: str) -> DebugInfo:
    found: dict[str, DebugInfo] = {}
    spec = compiled(names_of(source, **names_of(PRELUDE, "declarations.py")), debug=found)
    assert found["program"].code == spec.programs[0].code
    return found["program"]


def steps_of(info: DebugInfo, words: str) -> list[Step]:
    return [step for step in info.steps if step.place.words == words]


def test_a_local_is_called_by_its_name_an_expression_by_its_text() -> None:
    info = debug_of(SOURCE)
    assert {name for step in steps_of(info, "ctx.flags") for _, name in step.writes} == {
        "ctx.flags"
    }
    assert {name for step in steps_of(info, "p is not None") for _, name in step.reads} == {"p"}
    assert {name for step in steps_of(info, "p.y + 1") for _, name in step.writes} == {"p.y + 1"}
    calls = [step for step in info.steps if (0, "p") in step.writes]
    assert calls, "what a look-up gives has a name as soon as it is in r0"


def test_places_count_characters() -> None:
    (step, *_) = steps_of(debug_of(SOURCE), "seen.get(größe)")
    assert step.place.text[step.place.column : step.place.end] == "seen.get(größe)"
    assert (step.place.file, step.place.line) == ("program.py", 3)


def test_every_slot_belongs_to_a_step_and_registers_are_those_of_the_code() -> None:
    info = debug_of(SOURCE)
    slots = [step.slot for step in info.steps]
    assert slots == sorted(slots)
    assert slots[0] == 0
    slot, by_slot = 0, {}
    for insn in decode(info.code):
        by_slot[slot] = insn
        slot += insn.slots
    assert set(slots) <= set(by_slot) | {slot}
    for step in steps_of(info, "p.y"):
        for register, name in step.writes:
            assert name == "p.y"
            assert by_slot[step.slot].dst == register


def test_the_stack_and_the_loops_have_names() -> None:
    info = debug_of(SOURCE)
    assert {name.name for name in info.stack} >= {"key"}
    assert all(-512 <= name.offset < 0 < name.size for name in info.stack)
    assert [(loop.place.line, loop.rounds) for loop in info.loops] == [(7, 7)]
