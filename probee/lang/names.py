"""By which names the declarations of some programs go to the kernel.

In: `Program` declarations. Out: `Names`, which a capture fills in, or what is known of one.
"""

from __future__ import annotations

from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.lang.maps import MapDeclaration
    from probee.lang.programs import Program
    from probee.lang.variables import Variable


class Names:
    """The declarations that programs name.

    `identity`: bytes that change when the meaning of the programs could. `whole`: they cover all of
    it. They do not where a source cannot be read: annotations of locals stand there and nowhere
    else.
    """

    __slots__ = ("declarations", "identity", "names", "programs", "whole")

    def __init__(self, programs: tuple[Program, ...]) -> None:
        self.programs = programs
        self.declarations: dict[str, MapDeclaration | Variable[object]] = {}
        self.names: dict[int, str] = {}
        self.identity = b""
        self.whole = True

    def name_of(self, declaration: object) -> str:
        """The name under which a declaration goes to the kernel."""
        name = self.names.get(id(declaration))
        if name is None:
            raise UsageError(
                f"{type(declaration).__name__} is not used by the programs of this Session",
                hint="a declaration belongs to a Session when one of its programs names it",
            )
        return name
