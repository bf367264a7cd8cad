"""Licenses under which a program may call the helpers that are for the GPL alone.

Source: license_is_gpl_compatible in include/linux/license.h. The kernel compares the whole text.
"""

from __future__ import annotations

GPL_COMPATIBLE = (
    "GPL",
    "GPL v2",
    "GPL and additional rights",
    "Dual BSD/GPL",
    "Dual MIT/GPL",
    "Dual MPL/GPL",
)
