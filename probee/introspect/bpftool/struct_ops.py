"""`struct_ops show` and `dump`: rows of probee.introspect.loaded.struct_ops as text and JSON."""

from __future__ import annotations

from os import close

from probee.errors import FormatError, KernelError
from probee.introspect.bpftool.shared import one_line
from probee.introspect.bpftool.signatures import signature
from probee.introspect.bpftool.values import Values as Forms
from probee.introspect.loaded.reach import opened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.struct_ops import StructOps, Values
    from probee.introspect.loaded.types import Types

_LONGEST = 1024  # bytes that bpftool has for a function


def row_text(row: StructOps) -> str:
    """One line."""
    return f"{row.id}: {one_line(row.name):<15} {row.operations:<32}\n"


def row_json(json: JsonWriter, row: StructOps) -> None:
    """One object."""
    json.begin_object()
    json.field("id", row.id)
    json.field("name", row.name)
    json.field("kernel_struct_ops", row.operations)
    json.end()


class Dump:
    """Writes what tables hold as JSON. `plain`: in the form that bpftool calls text."""

    __slots__ = ("_forms", "_json", "_known", "_types")

    def __init__(
        self, json: JsonWriter, types: TypeTable, known: Types, *, plain: bool, pretty: bool
    ) -> None:
        self._json, self._types, self._known = json, types, known
        self._forms = Forms(types, plain=plain, pretty=pretty, function=self._function)

    def write(self, found: Values) -> None:
        """Two objects: the map's info, its value."""
        for type_, data in ((found.info_type, found.info), (found.value_type, found.value)):
            self._json.begin_object()
            self._json.name(self._types.name(type_))
            self._json.raw(self._forms.form(type_, self._json.depth)(data, 0))
            self._json.end()

    def _function(self, proto: int, program: int) -> str | None:
        """A function's type, and the program in its place; None for a type without such a form."""
        try:
            shown = signature(self._types, proto)
        except FormatError:
            return None
        if len(shown) >= _LONGEST:
            return None
        return f"{shown} {self._program(program)}"[: _LONGEST - 1]

    def _program(self, id: int) -> str:
        if not id:
            return "0"
        try:
            fd = opened("PROG", id)
        except KernelError:  # without CAP_SYS_ADMIN
            fd = None
        name = ""
        if fd is not None:
            try:
                name = self._known.function_of(fd)
            finally:
                close(fd)
        return f"{name or '<unknown_prog_name>'}/prog_id:{id}"
