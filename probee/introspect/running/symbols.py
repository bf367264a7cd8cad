"""Names of what loaded code calls: immediates of calls in, functions of the kernel out.

In a dump a call holds how far its function lies from __bpf_call_base, or 0 where the reader may not
know addresses.
"""

from __future__ import annotations

from probee.asm.opcodes import CALL_KFUNC
from probee.errors import KernelError
from probee.introspect.running.code import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.asm.insn import Insn


class Symbols:
    """The kernel's symbols, which are read when there is a call."""

    __slots__ = ("_base", "_symbols")

    def __init__(self) -> None:
        from probee.host.kallsyms import Kallsyms

        self._symbols = Kallsyms()
        self._base: int | None = None

    def function(self, insn: Insn) -> str:
        """The kernel's function; "" where nobody may know."""
        try:
            if self._base is None:
                self._base = self._symbols.address("__bpf_call_base")
            found = self._symbols.find(self._base + insn.imm) if self._base and insn.imm else None
        except KernelError:
            return ""
        return "" if found is None or found.offset else found.name

    def helper(self, insn: Insn) -> str:
        """The helper behind the function; a kernel function (kfunc) as it is."""
        name = self.function(insn)
        return name if insn.src == CALL_KFUNC else plain(name)
