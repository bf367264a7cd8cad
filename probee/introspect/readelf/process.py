"""One file after another, and in each the parts in readelf's order.

In: paths and what is wanted of them. Out: a transcript; whether all was well.
"""

from __future__ import annotations

import os
import stat

from probee.elf import raw
from probee.introspect.readelf.image import ELF32_HEADER, IDENT, Image, NotShown
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mmap import mmap

    from probee.introspect.readelf.shown import Shown
    from probee.introspect.readelf.transcript import Transcript

MAGIC_SIZE = 8  # how much readelf wants to see first: ar's magic
ARCHIVES = (b"!<arch>\n", b"!<thin>\n")
OTHER_ABIS = {1: "HP-UX", 6: "Solaris"}  # EI_OSABI: types of sections and segments of their own
LARGE = 1 << 20  # files from here on are mapped and not read


def show_file(path: str, shown: Shown, out: Transcript) -> bool:
    """One file; whether all was well with it. `path` has one character a byte."""
    name = path.encode("latin-1")
    try:
        mode = os.stat(name).st_mode
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            out.error(f"'{path}': No such file\n")
        else:
            reason = f"System error message: {error.strerror}"
            out.error(f"Could not locate '{path}'.  {reason}\n")
        return False
    if not stat.S_ISREG(mode):
        out.error(f"'{path}' is not an ordinary file\n")
        return False
    try:
        data = _read(name)
    except OSError:
        out.error(f"Input file '{path}' is not readable.\n")
        return False
    if len(data) < MAGIC_SIZE:
        out.error(f"{path}: Failed to read file's magic number\n")
        return False
    if data[:MAGIC_SIZE] in ARCHIVES:
        out.error(f"{path}: archives are not shown here; take the objects out with ar x\n")
        return False
    try:
        if shown.archive_index:
            out.error(f"File {path} is not an archive so its index cannot be displayed.\n")
        return _show_object(path, data, shown, out)
    except NotShown as reason:
        out.error(f"{path}: {reason}\n")
        return False


def _read(name: bytes) -> bytes | mmap:
    with open(name, "rb") as file:
        if os.fstat(file.fileno()).st_size < LARGE:
            return file.read()
        from mmap import ACCESS_READ, mmap

        return mmap(file.fileno(), 0, access=ACCESS_READ)


def _show_object(path: str, data: bytes | mmap, shown: Shown, out: Transcript) -> bool:
    wide = len(data) > IDENT and data[uapi.EI_CLASS] == uapi.ELFCLASS64
    if len(data) < (raw.HEADER_SIZE if wide else ELF32_HEADER):
        out.error(f"{path}: Failed to read file header\n")
        return False
    if shown.file_names:
        out.put(f"\nFile: {path}\n")
    image = Image(path, data[: raw.HEADER_SIZE].ljust(raw.HEADER_SIZE, b"\0"), shown, out)
    image.data, image.size = data, len(data)
    from probee.introspect.readelf.header import is_elf, show_header
    from probee.introspect.readelf.sections import read_headers

    if not is_elf(image):
        return False
    _refuse(image, wide=wide)
    read_headers(image, probe=True)
    show_header(image)
    image.sections = None
    return _show_parts(image)


def _refuse(image: Image, *, wide: bool) -> None:
    """Files of kinds that readelf shows and this does not."""
    from probee.introspect.readelf.machines import NAMES, OBJECTS, WHOLE

    if not wide:
        raise NotShown("only ELF64 is shown here, and this is not")
    name = NAMES.get(image.machine)
    if image.machine in OBJECTS:
        if image.header.type != uapi.ET_REL:
            raise NotShown(f"of {name} objects alone are shown here, and nothing that is linked")
        if image.shown.old:
            raise NotShown(f"objects of {name} are shown here as readelf 2.44 does, not as 2.40")
    elif name and image.machine not in WHOLE:
        raise NotShown(f"objects of {name} are not shown here; readelf --help lists the machines")
    if abi := OTHER_ABIS.get(image.osabi):
        raise NotShown(f"files of {abi} are not shown here")


def _show_parts(image: Image) -> bool:
    from probee.introspect.readelf.dynamic import show_dynamic
    from probee.introspect.readelf.groups import show_groups
    from probee.introspect.readelf.relocations import show_relocations
    from probee.introspect.readelf.sections import show_sections
    from probee.introspect.readelf.segments import show_segments
    from probee.introspect.readelf.symbols import show_symbols

    shown = image.shown
    if not show_sections(image):
        # What needs sections is switched off, for the files that follow too.
        shown.unwind = shown.versions = shown.dump = shown.arch = False
        if not shown.use_dynamic:
            shown.symbols = shown.dynamic_symbols = shown.relocations = False
    if not show_groups(image):
        shown.unwind = False
    show_segments(image)
    well = show_dynamic(image)
    show_relocations(image)
    if shown.unwind:
        _show_unwind(image)
    show_symbols(image)
    return _show_rest(image) and well


def _show_rest(image: Image) -> bool:
    shown, well = image.shown, True
    if shown.lto_symbols:
        from probee.introspect.readelf.lto import show_lto_symbols

        well &= show_lto_symbols(image)
    if shown.versions:
        from probee.introspect.readelf.versions import show_versions

        show_versions(image)
    if shown.dump:
        from probee.introspect.readelf.dumps import show_dumps

        well &= show_dumps(image)
    if shown.notes:
        from probee.introspect.readelf.notes import show_notes

        well &= show_notes(image)
    if shown.arch:
        from probee.introspect.readelf.attributes import show_attributes

        well &= show_attributes(image)
    return well


def _show_unwind(image: Image) -> None:
    from probee.introspect.readelf.machines import machine_name

    if image.machine == uapi.EM_X86_64:
        image.out.put("No processor specific unwind information to decode\n")
        return
    name = machine_name(image.machine, old=image.shown.old)
    image.out.put(
        f"\nThe decoding of unwind sections for machine type {name} is not currently supported.\n"
    )
