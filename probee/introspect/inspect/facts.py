"""What an explanation asks of a kernel: the protocol, and the form of an answer.

`running` asks the kernel of this machine; a test answers with literals.
"""

from __future__ import annotations

from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from probee.btf.table import TypeTable
    from probee.relocate.modules import ModuleTypes
    from probee.tables.maps import MapType
else:

    class Protocol:
        """Stands in for typing.Protocol, which costs 14 ms to import."""


class Asked(Frozen):
    """`answer`: `yes`, `no`, `unknown` (the question was asked, and got no clear answer) or
    `not asked`. `why`: a sentence where there is more to say, else ''.
    """

    answer: str
    why: str = ""


NOT_ASKED = Asked("not asked", "no kernel was asked")
YES = Asked("yes")


class Kernel(Protocol):
    """One kernel. No method raises for want of rights or of a feature: the answer says so."""

    @property
    def name(self) -> str:
        """`Linux 6.18.44, x86_64`."""

    @property
    def big_endian(self) -> bool:
        """The byte order of the machine."""

    @property
    def types(self) -> TypeTable | None:
        """Its BTF, or None; `no_types` says why."""

    @property
    def no_types(self) -> str:
        """Why it has no types, else ''."""

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that have types of their own, which `types` does not hold."""

    @property
    def module_types(self) -> tuple[ModuleTypes, ...]:
        """Those of the modules that can be read."""

    def tracepoint(self, category: str, name: str) -> Asked:
        """Whether it has that tracepoint."""

    def function(self, name: str) -> Asked:
        """Whether kprobes can be put on that function; `*` and `?` stand for any characters."""

    def syscall(self, name: str) -> Asked:
        """Whether kprobes can be put on the function behind that system call."""

    def user(self, path: str, symbol: str) -> Asked:
        """Whether a file has that symbol, or `symbol + offset`."""

    def usdt(self, path: str, provider: str, name: str) -> Asked:
        """Whether a file has that marker."""

    def loads(self, type_: int, attach_type: int, type_id: int, flags: int) -> Asked:
        """Whether the kernel takes a program of this type that does nothing, for this hook.

        `flags`: BPF_F_SLEEPABLE and others.
        """

    def lsm_runs(self) -> Asked:
        """Whether the kernel asks BPF programs among its security modules."""

    def helper(self, program_type: int, number: int) -> Asked:
        """Whether programs of this type may call that helper."""

    def map_type(self, row: MapType) -> Asked:
        """Whether it makes maps of this type."""

    def config(self, name: str) -> tuple[str, str]:
        """Of a CONFIG_ name: its value ('' where it is not set), and why it is not known, or ''."""

    def symbol(self, name: str) -> Asked:
        """Whether /proc/kallsyms lists that symbol."""


def not_in_types(kernel: Kernel, why: str) -> Asked:
    """What the kernel's own types have not: a module's might."""
    if kernel.modules:
        return Asked("unknown", f"{why}; those of its modules are not looked into")
    return Asked("no", why)
