"""The dynamic section: option -d. Objects have none; what has one is refused.

In: an image whose program headers have been read. Out: a line that there is none.
"""

from __future__ import annotations

from probee.introspect.readelf.image import NotShown
from probee.introspect.readelf.segments import read_segments
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

REASON = "dynamic sections, of executables and shared objects, are not shown here"


def is_pie(image: Image) -> bool:
    """Whether a shared object says that it is an executable: in its dynamic section."""
    if image.phnum and read_segments(image):
        for segment in image.segments or ():
            if segment.type == uapi.PT_DYNAMIC and segment.filesz > 1:
                raise NotShown(REASON)
    return False


def show_dynamic(image: Image) -> None:
    """The line. Raises NotShown if there is a dynamic section."""
    if image.dynamic_size > 1:
        raise NotShown(REASON)
    if image.shown.dynamic:
        image.out.put("\nThere is no dynamic section in this file.\n")
