"""Symbol tables for link-time optimisation: option --lto-syms.

In: an image whose sections have been read. Out: lines.
"""

from __future__ import annotations

from probee.introspect.readelf.image import NotShown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image


def show_lto_symbols(image: Image) -> bool:
    """Whether all was well."""
    if any((image.name_bytes(row) or b"").startswith(b".gnu.lto_.symtab.") for row in image.rows):
        raise NotShown("LTO symbols are not shown here")
    return True
