"""What writer and reader of object files must agree on: names of sections, kinds, blanks in code.

In: parts of a spec. Out: the words and numbers that stand for them in an object file. Sources:
section_defs of libbpf; Documentation/bpf/llvm_reloc.rst.
"""

from __future__ import annotations

from probee.spec.programs import PER_CPU
from probee.uapi.bpf import BPF_MAP_TYPE_PERF_EVENT_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.spec.programs import Attach, CounterSpec, MapSpec

TEXT = ".text"
LICENSE = "license"
LONGEST_LICENSE = 63  # bytes: libbpf keeps it in a char[64] of struct bpf_object
MAPS = ".maps"
KSYMS = ".ksyms"
BTF, BTF_EXT = ".BTF", ".BTF.ext"
DATA_SECTIONS = (".rodata", ".data", ".bss")
PERCPU_MAP = "probee_percpu"  # what the map `.percpu` is called, which no loader knows as a section

# `Attach.kind` -> the section's name before the hook
HOOKS = {"tracepoint": "tracepoint", "raw_tp": "raw_tracepoint", "tp_btf": "tp_btf"}

# What programs of the compiler ask of the kernel's types; an object of others may ask for more
CORE = ("byte_off", "field_exists", "target_type_id", "type_exists", "type_size")


def license_bytes(license_: str) -> bytes:
    """What stands in the section `license`, without the NUL. A read one may be no UTF-8."""
    return license_.encode("utf-8", "surrogateescape")


def section_of(hook: Attach) -> str:
    """`tracepoint/syscalls/sys_enter_openat` for the tracepoint `syscalls:sys_enter_openat`."""
    return f"{HOOKS[hook.kind]}/{hook.target.replace(':', '/')}"


def symbol_of(name: str, number: int, hook: Attach) -> str:
    """What a program is called at its hook `number`: its name, and the event of later ones."""
    return name if not number else f"{name}__{hook.target.rpartition(':')[2]}"


def counter_name(counter: CounterSpec, number: int) -> str:
    """The variable of a counter, by its place among all."""
    return f"probee_{counter.kind}_{number}"


def map_symbol(name: str) -> str:
    """The variable of a map in `.maps`."""
    return PERCPU_MAP if name == PER_CPU else name


def entries(map_: MapSpec) -> int:
    """The `max_entries` of a map in an object file.

    Of a perf event array the spec has the bytes of a buffer; 0 is an entry for each CPU.
    """
    return 0 if map_.type == BPF_MAP_TYPE_PERF_EVENT_ARRAY else map_.max_entries
