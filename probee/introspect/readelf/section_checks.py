"""What readelf complains of in a section header while it shows the table.

In: a section header and its place. Out: warnings.
"""

from __future__ import annotations

from probee.introspect.readelf.section_flags import MBIND
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

ARRAYS = (uapi.SHT_INIT_ARRAY, uapi.SHT_FINI_ARRAY, uapi.SHT_PREINIT_ARRAY)
OF_SYMBOLS = (
    uapi.SHT_REL, uapi.SHT_RELR, uapi.SHT_RELA, uapi.SHT_SYMTAB_SHNDX, uapi.SHT_GROUP,
    uapi.SHT_HASH, uapi.SHT_GNU_HASH, uapi.SHT_GNU_versym,
)  # fmt: skip
OF_STRINGS = (
    uapi.SHT_DYNAMIC, uapi.SHT_SYMTAB, uapi.SHT_DYNSYM, uapi.SHT_GNU_verneed, uapi.SHT_GNU_verdef,
    uapi.SHT_GNU_LIBLIST,
)  # fmt: skip
RELOCATABLE = (uapi.SHT_PROGBITS, uapi.SHT_NOBITS, uapi.SHT_NOTE, *ARRAYS)
LINKED = (uapi.ET_EXEC, uapi.ET_DYN)


def check(image: Image, at: int, section: raw.SectionHeader) -> None:
    """sh_link, sh_info, sh_size."""
    _check_link(image, at, section)
    _check_info(image, at, section)
    if (
        section.size > image.size
        and section.type not in (uapi.SHT_NOBITS, uapi.SHT_NULL)
        and section.type < uapi.SHT_LOOS
    ):
        image.out.warn(f"Size of section {at} is larger than the entire file!\n")


def _leads_to(image: Image, index: int, kinds: tuple[int, ...]) -> bool:
    return 0 < index < image.shnum and image.rows[index].type in kinds


def _check_link(image: Image, at: int, section: raw.SectionHeader) -> None:
    link = section.link
    if section.type == uapi.SHT_RELR and image.shown.old:
        return
    if section.type in OF_SYMBOLS:
        relocations = section.type in (uapi.SHT_REL, uapi.SHT_RELR, uapi.SHT_RELA)
        if relocations and not link and image.header.type in LINKED:
            return
        if not _leads_to(image, link, (uapi.SHT_SYMTAB, uapi.SHT_DYNSYM)):
            image.out.warn(f"[{at:2}]: Link field ({link}) should index a symtab section.\n")
    elif section.type in OF_STRINGS:
        if not _leads_to(image, link, (uapi.SHT_STRTAB,)):
            image.out.warn(f"[{at:2}]: Link field ({link}) should index a string section.\n")
    elif section.type in ARRAYS and link:
        image.out.warn(f"[{at:2}]: Unexpected value ({link}) in link field.\n")


def _check_info(image: Image, at: int, section: raw.SectionHeader) -> None:
    kind, info = section.type, section.info
    unexpected = f"[{at:2}]: Unexpected value ({info}) in info field.\n"
    if kind in (uapi.SHT_REL, uapi.SHT_RELA):
        if not info and image.header.type in LINKED:
            return
        if not _leads_to(image, info, RELOCATABLE) and not (
            0 < info < image.shnum and image.rows[info].type >= uapi.SHT_LOOS
        ):
            image.out.warn(f"[{at:2}]: Info field ({info}) should index a relocatable section.\n")
    elif kind in (uapi.SHT_DYNAMIC, uapi.SHT_HASH, uapi.SHT_SYMTAB_SHNDX, *ARRAYS):
        if info:
            image.out.warn(unexpected)
    elif kind in (uapi.SHT_GROUP, uapi.SHT_SYMTAB, uapi.SHT_DYNSYM, uapi.SHT_NOBITS):
        return
    elif section.flags & uapi.SHF_INFO_LINK:
        if not 0 < info < image.shnum:
            # without an end of line, as readelf has it
            image.out.warn(f"[{at:2}]: Expected link to another section in info field")
    elif kind < uapi.SHT_LOOS and not section.flags & MBIND and info:
        image.out.warn(unexpected)
