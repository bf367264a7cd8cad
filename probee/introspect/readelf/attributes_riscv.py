"""The attributes of an object of RISC-V: which instructions it is for.

In: an image whose sections have been read. Out: lines.

The form of such a section, and its tags: the RISC-V ELF psABI, "Attributes"; a test compares with
readelf.
"""

from __future__ import annotations

from probee.introspect.readelf.image import NotShown
from probee.introspect.readelf.others import RISCV_ATTRIBUTES
from probee.introspect.readelf.text import WIDE, c_string, symbol_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.elf import raw
    from probee.introspect.readelf.image import Image

NAMES = {
    4: "stack_align", 5: "arch", 6: "unaligned_access", 8: "priv_spec", 10: "priv_spec_minor",
    12: "priv_spec_revision",
}  # fmt: skip
STACK_ALIGN, ARCH, UNALIGNED = 4, 5, 6
UNALIGNED_WORDS = ("No unaligned access\n", "Unaligned access\n")
LEAST = 6  # bytes of a tag with its length
WIDEST = 64  # bits of a number


def show_riscv(image: Image) -> bool:
    """Whether all was well."""
    well = True
    for section in image.rows:
        if section.type == RISCV_ATTRIBUTES:
            well &= _section(image, section)
    return well


def _section(image: Image, section: raw.SectionHeader) -> bool:
    data = image.read(section.offset, section.size, "attributes")
    if data is None:
        return False
    if data[0] != ord("A"):
        letter = f"'{chr(data[0])}'({data[0]})"
        image.out.put(f"Unknown attributes version {letter} - expecting 'A'\n")
        return False
    at, left, well = 1, section.size - 1, True
    while left > 0:
        if left <= 4:
            image.out.error("Tag section ends prematurely\n")
            return False
        length = image.number(data[at : at + 4])
        if length > left:
            image.out.error(f"Bad attribute length ({length} > {left & 0xFFFFFFFF})\n")
            length, well = left, False
        elif length < 5:
            image.out.error(f"Attribute length of {length} is too small\n")
            return False
        left -= length
        name, zero, _ = data[at + 4 : at + length].partition(b"\0")
        if len(name) + 1 >= length - 4:
            image.out.error("Corrupt attribute section name\n")
            return False
        image.out.put(f"Attribute Section: {symbol_name(image.shown, WIDE, name)[0]}\n")
        if name == b"gnu":
            raise NotShown("GNU attributes are not shown here")
        reader = _Reader(image, data, at + 4 + len(name) + len(zero))
        ended = reader.subsections(length - 5 - len(name), riscv=name == b"riscv")
        well &= reader.well
        if ended:
            break
        at = reader.at
    return well


class _Reader:
    """Reads on in a section from `at`."""

    def __init__(self, image: Image, data: bytes, at: int) -> None:
        self.image, self.data, self.at = image, data, at
        self.well = True

    def subsections(self, left: int, *, riscv: bool) -> bool:
        """Those of one vendor, in `left` bytes; whether the whole section is done with."""
        out = self.image.out
        while left > 0 and self.at < len(self.data):
            if left < LEAST:
                out.error("Unused bytes at end of section\n")
                self.well = False
                return True
            tag = self.data[self.at]
            size = self.image.number(self.data[self.at + 1 : self.at + 5])
            if size > left:
                out.error(f"Bad subsection length ({size} > {left})\n")
                size, self.well = left, False
            if size < LEAST:
                out.error(f"Bad subsection length ({size} < 6)\n")
                self.well = False
                return True
            left -= size
            end = self.at + size
            self.at += 5
            riscv &= self._heading(tag, end)
            if riscv:
                while self.at < end:
                    self._attribute(end)
            elif self.at < end:
                out.put(f"  Unknown attribute:\n{_raw(self.data[self.at : end])}\n")
                self.at = end
            else:
                left = 0
        return False

    def _heading(self, tag: int, end: int) -> bool:
        out = self.image.out
        if tag == 1:
            out.put("File Attributes\n")
        elif tag in (2, 3):
            out.put("Section Attributes:" if tag == 2 else "Symbol Attributes:")
            while number := self._number(end, 32):
                out.put(f" {number - (1 << 32) if number >> 31 else number}")
            out.put("\n")
        else:
            out.put(f"Unknown tag: {tag}\n")
            return False
        return True

    def _number(self, end: int, width: int = WIDEST) -> int:
        """A number of variable length, of at most `width` bits."""
        value, shift, status = 0, 0, 1
        while self.at < end:
            byte = self.data[self.at]
            self.at += 1
            bits = (byte & 0x7F) << min(shift, WIDEST)
            if bits >> WIDEST:
                status |= 2
            value |= bits & (1 << WIDEST) - 1
            shift += 7
            if not byte & 0x80:
                status &= ~1
                break
        if value >> width:
            status |= 2
        if status & 1:
            self.image.out.error("end of data encountered whilst reading LEB\n")
        elif status:
            self.image.out.error("read LEB value is too large to store in destination variable\n")
        return value & (1 << width) - 1

    def _attribute(self, end: int) -> None:
        put = self.image.out.put
        tag = self._number(end)
        name = NAMES.get(tag)
        if name is None:
            signed = (tag & 0xFFFFFFFF ^ 1 << 31) - (1 << 31)
            if signed > 0:
                put(f"  Tag_unknown_{signed}: ")
            self._value(end, text=bool(tag & 1))
            return
        put(f"  Tag_RISCV_{name}: ")
        if tag == ARCH:
            self._value(end, text=True)
            return
        value = self._number(end)
        if tag == UNALIGNED:
            put(UNALIGNED_WORDS[value] if value < len(UNALIGNED_WORDS) else "")
        else:
            put(f"{value}-bytes\n" if tag == STACK_ALIGN else f"{value}\n")

    def _value(self, end: int, *, text: bool) -> None:
        put = self.image.out.put
        if self.at >= end:
            self.image.out.warn("<corrupt tag>\n")
        elif text:
            most = end - self.at - 1
            shown = "<corrupt string tag>"
            if most:  # a name without end is printed on, and not read on
                name = c_string(self.data, self.at)
                shown = symbol_name(self.image.shown, most, name)[0]
                self.at += min(len(name), most) + 1
            else:
                self.at = end
            put(f'"{shown}"\n')
        else:
            value = self._number(end)
            put(f"{value - (1 << WIDEST) if value >> WIDEST - 1 else value} ({value:#x})\n")


def _raw(data: bytes) -> str:
    """Bytes that nobody knows, 16 a line."""
    lines = []
    for at in range(0, len(data), 16):
        part = data[at : at + 16]
        words = [part[word : word + 4].hex().ljust(8) for word in range(0, 16, 4)]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        lines.append(f"  0x{at:08x} {' '.join(words)} {text}\n")
    return "".join(lines)
