"""The running kernel's types: /sys/kernel/btf/vmlinux, through an index that is kept.

Out: a `TypeTable` of probee.btf. The index takes some 100 ms to make and is kept in the cache
folder under the kernel's identity; with it, opening 5 MB of types takes a millisecond or two.
Types that only a module has are not here.
"""

from __future__ import annotations

from probee.errors import FormatError, NotSupportedError
from probee.host.cachedir import fetch, store
from probee.host.identity import kernel_tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import FileIO
    from mmap import mmap

    from probee.btf.table import TypeTable

PATH = "/sys/kernel/btf/vmlinux"


def open_kernel_btf(path: str = PATH) -> TypeTable:
    """The types of the kernel. NotSupportedError where it brings none, FormatError for bad ones."""
    from probee.btf.index import IndexedBtf, build_index

    data = _read(path)
    name = f"btf-{kernel_tag()}"
    index = fetch(name)
    if index is not None:
        try:
            return IndexedBtf(data, index)
        except FormatError:
            index = None  # of another kernel or spoiled: made anew below
    index = build_index(data)
    store(name, index)
    return IndexedBtf(data, index)


def _read(path: str) -> bytearray | mmap:
    """Mapped where the kernel can (Linux 6.16, private mappings only), else read."""
    from mmap import MAP_PRIVATE, PROT_READ, mmap

    try:
        with open(path, "rb", buffering=0) as file:
            try:
                return mmap(file.fileno(), 0, MAP_PRIVATE, PROT_READ)
            except (OSError, ValueError):
                return _whole(file)
    except OSError as error:
        raise NotSupportedError(
            "this kernel tells nothing of its types: there is no readable /sys/kernel/btf/vmlinux",
            since="Linux 5.4, with CONFIG_DEBUG_INFO_BTF=y",
            hint="tracepoint programs do without; raw_tracepoint and tp_btf programs cannot",
        ) from error


def _whole(file: FileIO) -> bytearray:
    """All bytes of a file in sysfs, which gives a page at a time: into one buffer, not 1,300."""
    from os import fstat

    data = bytearray(fstat(file.fileno()).st_size)
    view, done = memoryview(data), 0
    while done < len(data) and (count := file.readinto(view[done:])):
        done += count
    return data[:done]
