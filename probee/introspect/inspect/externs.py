"""What an object expects of the kernel or its loader: configuration, symbols, functions.

In: an extern of an object, its types, and a kernel or none. Out: an `ExternRow`.
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.compare import compatible
from probee.btf.types import Func, Var
from probee.introspect.inspect.facts import NOT_ASKED, YES, Asked, not_in_types
from probee.introspect.inspect.report import ExternRow
from probee.introspect.inspect.spelling import declaration
from probee.relocate.view import essential_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.table import TypeTable
    from probee.introspect.inspect.facts import Kernel
    from probee.relocate.view import View
    from probee.spec.programs import ExternSpec

# What libbpf gives without a configuration (bpf_object__resolve_externs in libbpf.c), and what is.
_VIRTUAL = {
    "LINUX_KERNEL_VERSION": "the running kernel's version, by its loader",
    "LINUX_HAS_BPF_COOKIE": "whether the kernel has cookies, by its loader",
    "LINUX_HAS_SYSCALL_WRAPPER": "whether system calls have wrappers, by its loader",
}


def extern_row(extern: ExternSpec, view: View | None, kernel: Kernel | None) -> ExternRow:
    """One extern explained."""
    here, value = NOT_ASKED, ""
    if kernel is not None:
        here, value = ask_extern(extern, view.btf if view is not None else None, kernel)
    words = ""
    if view is not None and extern.btf:
        type_ = getattr(view.type(extern.btf), "type", 0)
        words = declaration(view, type_, extern.name)
    return ExternRow(extern.name, extern.kind, words, extern.weak, here, value)


def ask_extern(extern: ExternSpec, types: TypeTable | None, kernel: Kernel) -> tuple[Asked, str]:
    """Whether the kernel has it; of configuration also its value."""
    if extern.kind == "kconfig":
        return _config(extern, kernel)
    if not extern.typed:
        return kernel.symbol(extern.name), ""
    theirs = kernel.types
    if theirs is None or types is None:
        return Asked("no", kernel.no_types), ""
    kind, words = (kinds.FUNC, "function") if extern.kind == "kfunc" else (kinds.VAR, "variable")
    found = theirs.by_name(kind, essential_name(extern.name))
    if not found:
        return not_in_types(kernel, f"its types have no {words} {extern.name}"), ""
    if not compatible(types, _declared(types, extern.btf), theirs, _declared(theirs, found[0])):
        return Asked("no", f"it declares {words} {extern.name} in another way"), ""
    return YES, ""


def _declared(types: TypeTable, id: int) -> int:
    """The prototype of a FUNC, the type of a VAR."""
    record = types.type(id)
    return record.type if isinstance(record, Func | Var) else 0


def _config(extern: ExternSpec, kernel: Kernel) -> tuple[Asked, str]:
    if extern.name in _VIRTUAL:
        return Asked("yes", f"set to {_VIRTUAL[extern.name]}"), ""
    if not extern.name.startswith("CONFIG_"):
        return Asked("unknown", "no loader is known to set it"), ""
    value, why = kernel.config(extern.name)
    if why:
        return Asked("unknown", why), ""
    if value:
        return YES, value
    return Asked("no", f"{extern.name} is not set"), ""
