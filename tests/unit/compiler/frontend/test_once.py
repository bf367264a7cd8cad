"""Text that has no place yet is read once, however often it is compared."""

from __future__ import annotations

import pytest

from tests.frontend_cases import ir_of, names_of

SOURCE = """
from probee import Struct, Chars, array, chars, current, read_str, tracepoint, u32
from probee.contexts import SysEnterOpenat

class E(Struct):
    names: list[Chars] = array(chars(16), 3)

@tracepoint("syscalls:sys_enter_openat")
def program(ctx: SysEnterOpenat) -> int:
    e = E()
{}
    return 0
"""
READ = 'read_str(ctx.filename, 16, default="")'
USES = {
    "in a tuple": 'return {} in ("a", "b", "c")',
    "a part in a tuple": 'return {}[:1] in ("a", "b", "c")',
    "beginnings": 'return {}.startswith(("a", "b", "c"))',
    "in an array": "return {} in e.names",
    "a chain": 'return "a" != {} != "b"',
    "match": 'match {}:\n        case "a":\n            return 1\n'
    '        case "b":\n            return 2',
    "match of a tuple": 'match {}, 1:\n        case "a", 1:\n            return 1\n'
    '        case "b", 1:\n            return 2',
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize(
    ("text", "helper"), [(READ, "probe_read_user_str"), ("current.comm", "get_current_comm")]
)
def test_read_once(use: str, text: str, helper: str) -> None:
    ir = ir_of(names_of(SOURCE.format("    " + use.format(text))))
    assert ir.count(helper) == 1
