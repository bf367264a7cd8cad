"""Symbol versions: option -V. Objects have none; what has some is refused.

In: an image whose sections have been read. Out: a line that there are none.
"""

from __future__ import annotations

from probee.introspect.readelf.image import NotShown
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

KINDS = (uapi.SHT_GNU_verdef, uapi.SHT_GNU_verneed, uapi.SHT_GNU_versym)


def show_versions(image: Image) -> None:
    """The line. Raises NotShown if there are sections of versions."""
    if any(section.type in KINDS for section in image.rows):
        raise NotShown("symbol versions, of executables and shared objects, are not shown here")
    image.out.put("\nNo version information found in this file.\n")
