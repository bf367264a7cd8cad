"""Attributes of an object in sections of type GNU_ATTRIBUTES: option -A.

In: an image whose sections have been read. Out: lines.
"""

from __future__ import annotations

from probee.introspect.readelf.image import NotShown
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
    return True
