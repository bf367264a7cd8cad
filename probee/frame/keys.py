r"""Keys that a person presses: bytes of a terminal in, names out.

`up`, `down`, `left`, `right`, `home`, `end`, `pageup`, `pagedown`, `enter`, `escape`, `backspace`,
`tab`, and characters as they are. Sequences: XTerm's, which all terminals of today send. What is
not known is left out whole, so that the rest of it is not taken for keys.
"""

from __future__ import annotations

_PLAIN = {
    0x0D: "enter", 0x0A: "enter", 0x09: "tab", 0x7F: "backspace", 0x08: "backspace", 0x1B: "escape",
}  # fmt: skip
# behind ESC [ or ESC O
_FINAL = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end"}
# behind ESC [, before ~
_NUMBERED = {
    "1": "home", "4": "end", "5": "pageup", "6": "pagedown", "7": "home", "8": "end",
}  # fmt: skip


class Keys:
    """Takes bytes as they come; a sequence may come in pieces."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The keys that are whole now."""
        data = self._rest + data
        self._rest = b""
        found: list[str] = []
        at = 0
        while at < len(data):
            byte = data[at]
            if byte == 0x1B and at + 1 < len(data) and data[at + 1] in b"[O":
                end = _end(data, at + 2)
                if end is None:
                    self._rest = data[at:] if len(data) - at < 32 else b""
                    break
                found += _sequence(data[at + 2 : end].decode("ascii", "replace"))
                at = end
            elif byte in _PLAIN:
                found.append(_PLAIN[byte])
                at += 1
            else:
                size = _size(byte)
                if at + size > len(data):
                    self._rest = data[at:]
                    break
                text = data[at : at + size].decode("utf-8", "replace")
                found += [text] if text.isprintable() else []
                at += size
        return found


def _end(data: bytes, at: int) -> int | None:
    """Behind the byte that ends a sequence, `@` to `~`; None where it has not come yet."""
    while at < len(data):
        if 0x40 <= data[at] <= 0x7E:
            return at + 1
        at += 1
    return None


def _sequence(text: str) -> list[str]:
    final, numbers = text[-1:], text[:-1]
    name = _NUMBERED.get(numbers.partition(";")[0]) if final == "~" else _FINAL.get(final)
    return [name] if name else []


def _size(first: int) -> int:
    """Bytes of a character in UTF-8, by its first."""
    return 4 if first >= 0xF0 else 3 if first >= 0xE0 else 2 if first >= 0xC0 else 1
