"""Attributes of an object, in sections of the machine's own: option -A.

In: an image whose sections have been read. Out: lines.
"""

from __future__ import annotations

from probee.introspect.readelf.image import NotShown
from probee.introspect.readelf.machines import MIPS, RISCV
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image


def show_attributes(image: Image) -> bool:
    """Whether all was well."""
    if any(
        section.type in (uapi.SHT_GNU_ATTRIBUTES, uapi.SHT_GNU_LIBLIST) for section in image.rows
    ):
        raise NotShown("GNU attributes are not shown here")
    if image.machine == RISCV:
        from probee.introspect.readelf.attributes_riscv import show_riscv

        return show_riscv(image)
    if image.machine == MIPS:
        from probee.introspect.readelf.attributes_mips import show_mips

        return show_mips(image)
    return True
