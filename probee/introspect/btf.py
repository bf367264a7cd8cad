"""The types of a file, or of what the kernel has loaded.

In: a path or an id. Out: `Types`, what `btf_raw` and `btf_c` print. A file is an ELF64 file with a
section `.BTF`, or bare BTF such as /sys/kernel/btf/vmlinux.
"""

from __future__ import annotations

from probee.btf.flat import Flat
from probee.btf.raw import MAGIC, Sections
from probee.elf.read import file_bytes
from probee.errors import FormatError, NotSupportedError, RelocationError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SYSFS = "/sys/kernel/btf/"
VMLINUX = f"{SYSFS}vmlinux"
_MAGICS = (MAGIC.to_bytes(2, "little"), MAGIC.to_bytes(2, "big"))
_LARGEST = 1 << 31  # bytes of a file: a kernel with its debug information has half of that
_NAME = 64  # bytes of a loaded blob's name; the kernel's modules have at most 56


class Types(Frozen):
    """`flat` are the types; `pointer` is how many bytes a pointer has, 0 where nothing says it."""

    flat: Flat
    pointer: int


def read_file(path: str, base: Flat | None = None) -> Types:
    """The types in a file, on top of `base` if that is given.

    What stands in /sys/kernel/btf for a module is on top of vmlinux's. Raises FormatError, and
    OSError where a file cannot be read.
    """
    if base is None and path.startswith(SYSFS) and path != VMLINUX:
        base = read_file(VMLINUX).flat
    try:
        data = file_bytes(path, _LARGEST, _MAGICS)
        if data[:2] in _MAGICS:
            return Types(_flat(data, base), 0)
        return _of_object(data, base)
    except FormatError as error:
        raise FormatError(f"{path}: {error.message}") from error


def _of_object(data: bytes, below: Flat | None) -> Types:
    from probee.elf.read import ElfFile

    file = ElfFile(data)
    section = file.section(".BTF")
    if section is None:
        raise FormatError("there is no section .BTF", hint="clang writes one with -g")
    distilled = file.section(".BTF.base")
    if distilled is not None:
        if below is not None:
            raise NotSupportedError(
                "its types stand on a .BTF.base of their own, which cannot be exchanged yet",
                hint="leave out -B",
            )
        below = _flat(distilled.data, None)
    return Types(_flat(section.data, below), 8)


def _flat(data: ReadableBuffer, below: Flat | None) -> Flat:
    sections = Sections(data, split=below is not None)
    if below is not None and sections.big_endian != below.big_endian:
        raise FormatError("its byte order is not that of the base", offset=0)
    return Flat(sections, below)


def read_loaded(id: int, base: Flat | None = None) -> Types:
    """The types that the kernel has under this id: of a program, of vmlinux or of a module.

    Raises KernelError, and RelocationError where there are none.
    """
    from errno import ENOENT
    from os import close, strerror

    from probee.introspect.loaded.reach import opened

    descriptor = opened("BTF", id)
    if descriptor is None:
        raise RelocationError(f"can't get BTF object by id ({id}): {strerror(ENOENT)}")
    try:
        data, module = _loaded(descriptor)
    finally:
        close(descriptor)
    if base is None and module:
        base = read_file(VMLINUX).flat
    return Types(_flat(data, base), 0)


def _loaded(descriptor: int) -> tuple[bytearray, bool]:
    """The blob behind a descriptor, and whether it is a module's."""
    from sys import byteorder

    from probee.host import bpf
    from probee.host.syscall import address
    from probee.uapi.bpf_info import BPF_BTF_INFO, BPF_BTF_INFO_SIZE

    places = {name: slice(at, at + size) for name, at, size in BPF_BTF_INFO}
    name, data = bytearray(_NAME), bytearray()
    info = bytearray(BPF_BTF_INFO_SIZE)
    for _ in range(2):  # the first time it says how large it is
        info = bytearray(BPF_BTF_INFO_SIZE)
        fields = {"name": address(name), "name_len": _NAME}
        if data:
            fields |= {"btf": address(data), "btf_size": len(data)}
        for field, value in fields.items():
            place = places[field]
            info[place] = value.to_bytes(place.stop - place.start, byteorder)
        bpf.obj_get_info(descriptor, info)
        data = data or bytearray(int.from_bytes(info[places["btf_size"]], byteorder))
    kernel = any(info[places["kernel_btf"]])
    return data, kernel and name.partition(b"\0")[0] != b"vmlinux"
