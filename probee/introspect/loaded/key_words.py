"""Keys as words: `key 1 0 0x2f 010`, `key hex 01 00 2f 08`. In: words. Out: bytes."""

from __future__ import annotations

from probee.errors import UsageError
from probee.introspect.loaded.numbers import strtoul

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def key_bytes(words: Sequence[str], size: int) -> bytes:
    """The key of `size` bytes that the words say, and nothing else. Raises UsageError."""
    key: bytes | None = None
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if "key".startswith(word):
            if key is not None:
                raise UsageError("duplicate key")
            if not size:
                raise UsageError("unnecessary key")
            key, rest = _bytes(rest, size)
        elif "value".startswith(word):
            raise UsageError("unnecessary value")
        elif any(flag.startswith(word) for flag in ("any", "noexist", "exist")):
            raise UsageError(f"flags specified multiple times: {word}")
        else:
            raise UsageError(f"expected key or value, got: {word}")
    if key is None and size:
        raise UsageError("did not find key")
    return key or b""


def _bytes(words: list[str], size: int) -> tuple[bytes, list[str]]:
    base = 0
    if words and "hex".startswith(words[0]):
        base, words = 16, words[1:]
    data = bytearray()
    for word in words[:size]:
        number, rest = strtoul(word, base)
        if rest:
            raise UsageError(f"error parsing byte: {word}")
        data.append(number & 0xFF)
    if len(data) != size:
        raise UsageError(f"key expected {size} bytes got {len(data)}")
    return bytes(data), words[size:]
