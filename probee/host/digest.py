"""SHA-256 without `hashlib`, which loads OpenSSL: milliseconds, where the built-in module is there.

In: bytes. Out: 32 bytes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256 as _sha256
else:
    try:
        from _sha256 import sha256 as _sha256  # Python 3.11
    except ImportError:
        try:
            from _sha2 import sha256 as _sha256  # Python 3.12 and later
        except ImportError:
            from hashlib import sha256 as _sha256  # built without its own


def sha256(*parts: bytes) -> bytes:
    """The digest of the parts, one behind the other. Give lengths where parts may shift."""
    state = _sha256()
    for part in parts:
        state.update(part)
    return state.digest()
