"""`cgroup show` and `cgroup tree`: rows of probee.introspect.loaded.cgroups as text and JSON."""

from __future__ import annotations

from probee.introspect.bpftool.shared import one_line
from probee.uapi.bpf import BPF_F_ALLOW_MULTI, BPF_F_ALLOW_OVERRIDE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.cgroups import CgroupProgram, KernelTypes

_FLAGS = {0: "", BPF_F_ALLOW_MULTI: "multi", BPF_F_ALLOW_OVERRIDE: "override"}


def _flags(row: CgroupProgram) -> str:
    return _FLAGS.get(row.flags, f"unknown({row.flags:x})")


def head_text(*, effective: bool) -> str:
    """The line above the rows."""
    flags = "" if effective else f" {'AttachFlags':<15}"
    return f"{'ID':<8} {'AttachType':<15}{flags} {'Name':<15}\n"


def program_text(row: CgroupProgram, types: KernelTypes, *, effective: bool, indent: bool) -> str:
    """One line a program; what lies below a tree's root stands further in."""
    flags = "" if effective else f" {_flags(row):<15}"
    text = f"{'    ' if indent else ''}{row.id:<8} {row.hook:<15}{flags} {one_line(row.name):<15}"
    name = types.name(row.attach_object, row.attach_type)
    if name is not None:
        text += f" {one_line(name):<15}"
    elif row.attach_type:
        text += f" attach_btf_obj_id={row.attach_object} attach_btf_id={row.attach_type}"
    return f"{text}\n"


def program_json(
    json: JsonWriter, row: CgroupProgram, types: KernelTypes, *, effective: bool
) -> None:
    """One object a program."""
    json.begin_object()
    json.field("id", row.id)
    json.field("attach_type", row.hook)
    if not effective:
        json.field("attach_flags", _flags(row))
    json.field("name", row.name)
    name = types.name(row.attach_object, row.attach_type)
    if name is not None:
        json.field("attach_btf_name", name)
    json.field("attach_btf_obj_id", row.attach_object)
    json.field("attach_btf_id", row.attach_type)
    json.end()
