"""What a program, a map and a variable are before any kernel has seen them.

Out: `MapSpec`, `ProgramSpec`, `VariableSpec`, `CounterSpec` and the `CollectionSpec` that holds
them: plain, deterministic data. The compiler makes one, the object file stores and restores one,
the cache keeps one, the loader turns one into live kernel objects. Nothing here depends on the
running kernel. Names follow cilium/ebpf.
"""

from __future__ import annotations

from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.spec.types import StructType, ValueType


_set = object.__setattr__

PER_CPU = ".percpu"  # the section of variables that each CPU has for itself
CODE = ".code"  # in place of a section: the value stands in the instructions themselves


class MapSpec(Frozen):
    """One map. `type` is a `BPF_MAP_TYPE_*` number; sizes are bytes.

    For a data section (`.rodata`, `.data`, `.bss`): an array map of one element whose `contents`
    are the initial bytes; `frozen` maps are written once and then closed to system calls.
    `.percpu` is a per-CPU array, whose `contents` each CPU begins with. Of a table that one program
    jumps through (an insn_array) they are its values: the slot in the first 4 of 16 bytes each.
    `key_btf`, `value_btf` are type ids in the collection's BTF, 0 where there are none. `extra` is
    BPF_MAP_CREATE's `map_extra`: the number of hashes of a bloom filter, the address of an arena.

    What only object files say: `pinning` (LIBBPF_PIN_BY_NAME: 1), `numa_node` (counts with
    BPF_F_NUMA_NODE), `autocreate` (False: not unless asked for). `inner`: of a map of maps, the one
    template of its maps. `values`: what is put into it at the start: (index, map) in a map of maps,
    (index, program) in a program array, (byte in `contents`, program) in a struct_ops map, whose
    `value_btf` is the struct.
    """

    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int = 0
    key_type: ValueType | None = None
    value_type: ValueType | None = None
    key_btf: int = 0
    value_btf: int = 0
    contents: bytes = b""
    frozen: bool = False
    extra: int = 0
    pinning: int = 0
    numa_node: int = 0
    autocreate: bool = True
    inner: tuple[MapSpec, ...] = ()
    values: tuple[tuple[int, str], ...] = ()


class VariableSpec(Frozen):
    """A `Const` or `Global`: `type` at `offset` bytes in the value of the map named `section`.

    `section` is `.code` for a Const that `const` relocations put into the code: it lies in no map.
    `btf`: in an object file, the VAR in its BTF. There a C type that has no like here, such as a
    struct with bit fields, is as many `u8`, and static variables may share a name.
    """

    name: str
    section: str
    offset: int
    type: ValueType
    btf: int = 0


class ExternSpec(Frozen):
    """What an object file expects the loader, or the kernel, to have.

    `kind`: `kconfig` (a value of the kernel's configuration, which the loader puts at `offset` of
    the map `.kconfig`, `size` bytes), `ksym` (a variable of the kernel, or one of its symbols) or
    `kfunc`. `value`: what a `kconfig` is: `bool`, `char`, `tristate`, `int`, `chars`. `btf`: its
    VAR or FUNC in the collection's BTF. `typed`: a `ksym` whose type must be the kernel's; without
    it only the address counts. `weak`: it may be missing.
    """

    name: str
    kind: str
    btf: int
    weak: bool = False
    typed: bool = False
    value: str = ""
    offset: int = 0
    size: int = 0


class CounterSpec(Frozen):
    """A u64 in map `section` at `offset` where a program counts what it could not do.

    `kind`: `ring_full` (a reserve or output failed), `perf_full` (the same of a perf event array),
    `stack` (a stack could not be kept), `print` (a line was not written whole), `map_update` (the
    kernel refused a statement that writes map `subject`) or `trap` (Python would have raised:
    `subject` is the exception).
    `program`, `file`, `line`, `text` say where, for people; a `ring_full` counter serves all
    places that write the ring, so its line is 0.
    """

    kind: str
    subject: str
    section: str
    offset: int
    program: str = ""
    file: str = ""
    line: int = 0
    text: str = ""


class Reloc(Frozen):
    """Instruction slot `insn` refers to something whose number is known only at load.

    `kind`: `map` (ld_imm64 of the map's descriptor), `value` (ld_imm64 of the address
    `addend` bytes into the map's only value), `const` (the value of a Const that the Session sets:
    an ld_imm64, or a mov where 32 bits hold it), `kfunc` (a call of the kernel's function of that
    name: its type id in the kernel's BTF, which is `addend` once it was looked up), `ksym` (an
    ld_imm64 of the address of the kernel's symbol of that name). Slots count 8 bytes each.
    """

    insn: int
    kind: str
    symbol: str
    addend: int = 0

    # An object has thousands: half the time that the general constructor takes.
    def __init__(self, insn: int, kind: str, symbol: str, addend: int = 0) -> None:
        _set(self, "insn", insn)
        _set(self, "kind", kind)
        _set(self, "symbol", symbol)
        _set(self, "addend", addend)


UNPLACED = -1
UNRESOLVED, ABSENT = -1, -2  # values of a CoreReloc; all others are 0 or more


class CoreReloc(Frozen):
    """Instruction slot `insn` depends on how the kernel declares the type named `struct`.

    `kind`: `byte_off` (where the member at `path`, names joined by dots, starts: the offset of a
    load, or the immediate of an addition or mov; `comm[8]`: byte 8 of a char array),
    `field_exists`, `type_exists` (1 or 0, the immediate of a mov), `target_type_id` (of the struct
    in the kernel's BTF, likewise), `type_size` (its bytes, likewise). `wants`: what the code takes
    the member for: `int 4`, `enum 4`, `ptr dentry`, `ptrs file` (to pointers to it), `ptr` (of any
    target), `struct path`, `chars 16`, `items int 8`, `items struct upid`, or nothing of a type.
    `type` and `access`: the same as libbpf says it, a type in the collection's BTF and member
    numbers such as `0:1:3`. `value`: what a kernel gave, UNRESOLVED before one was asked, ABSENT
    where it has none.

    An object file may ask for more: `byte_sz`, `signed`, `lshift_u64`, `rshift_u64` of a member (as
    a bit field is taken out of 8 bytes), `type_matches`, `local_type_id` (of `type` itself),
    `enumval_exists` and `enumval_value` (of the enumerator `path`). There `struct` is how C names
    the type (`task_struct`, `union thing`, `enum state`, a typedef), `path` may index any array and
    begin with an index, anonymous members are not in it, and `wants` is empty: any type will do.
    """

    insn: int
    kind: str
    struct: str
    path: str
    wants: str
    type: int
    access: str
    value: int = UNRESOLVED

    def __init__(
        self, insn: int, kind: str, struct: str, path: str, wants: str, type: int, access: str,
        value: int = UNRESOLVED,
    ) -> None:  # fmt: skip
        _set(self, "insn", insn)
        _set(self, "kind", kind)
        _set(self, "struct", struct)
        _set(self, "path", path)
        _set(self, "wants", wants)
        _set(self, "type", type)
        _set(self, "access", access)
        _set(self, "value", value)


class Attach(Frozen):
    """A hook. `kind`: `tracepoint` (its target `category:name`), `raw_tp`, `tp_btf` (`name`).

    In an object file also the first name of any row of tables/sections.py that has a hook, with
    what follows the slash; of `struct_ops` the target is `STRUCT.MEMBER`.
    """

    kind: str
    target: str


class ContextField(Frozen):
    """A field of a tracepoint's format that the code was compiled against.

    Of a raw tracepoint an argument, where it was compiled without this kernel. `offset` is UNPLACED
    where a CoreReloc of the program finds it.
    """

    name: str
    offset: int
    size: int
    signed: bool


class ProgramSpec(Frozen):
    """One program as it goes to the verifier, but for the numbers in `relocs`.

    `type` and `attach_type`: `BPF_PROG_TYPE_*`, `BPF_*` attach type (0 where there is none).
    `code`: instructions, 8 bytes a slot, in the target's byte order, subprograms behind the main
    one. `func_info` and `line_info`: arrays for BPF_PROG_LOAD (8 and 16 bytes a row) whose type
    ids and string offsets belong to the collection's BTF. `functions`: (name, first slot) of the
    main function and its subprograms. `context`: the fields read from a tracepoint's record, for
    the loader to hold against the running kernel. `helpers`: names of the helpers that it calls.
    `core`: where the code depends on the kernel's structs. `section`: where an object file has it.
    `autoload`: False for one that is not loaded unless asked for.
    """

    name: str
    type: int
    attach_type: int
    attach: tuple[Attach, ...]
    code: bytes
    relocs: tuple[Reloc, ...] = ()
    func_info: bytes = b""
    line_info: bytes = b""
    functions: tuple[tuple[str, int], ...] = ()
    context: tuple[ContextField, ...] = ()
    helpers: tuple[str, ...] = ()
    flags: int = 0
    core: tuple[CoreReloc, ...] = ()
    section: str = ""
    autoload: bool = True


class CollectionSpec(Frozen):
    """Everything that one compilation made. `btf`: a raw BTF blob for BPF_BTF_LOAD.

    `structs`: the layouts of records and values by name, for the user side. `externs` and `version`
    (of the kernel, for which an object file says that it is) come from object files alone.
    """

    maps: tuple[MapSpec, ...]
    programs: tuple[ProgramSpec, ...]
    variables: tuple[VariableSpec, ...] = ()
    counters: tuple[CounterSpec, ...] = ()
    structs: tuple[StructType, ...] = ()
    btf: bytes = b""
    license: str = "Dual MIT/GPL"
    endian: str = "little"
    externs: tuple[ExternSpec, ...] = ()
    version: int = 0

    @property
    def asks_kernel(self) -> bool:
        """Whether something in the code is still to be looked up in the kernel's BTF."""
        return any(
            any(core.value == UNRESOLVED for core in program.core)
            or any(reloc.kind == "kfunc" and reloc.addend == 0 for reloc in program.relocs)
            for program in self.programs
        )

    def map(self, name: str) -> MapSpec:
        """The map of that name. StopIteration where there is none: a bug of the caller."""
        return next(m for m in self.maps if m.name == name)

    def program(self, name: str) -> ProgramSpec:
        """The program of that name, likewise."""
        return next(p for p in self.programs if p.name == name)
