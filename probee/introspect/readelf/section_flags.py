"""The flags of a section: letters for the table, words for option -t.

In: sh_flags. Out: text.
"""

from __future__ import annotations

from probee.introspect.readelf.image import FREEBSD, GNU, NONE
from probee.introspect.readelf.machines import SPARCV9
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image

MBIND = 1 << 24  # SHF_GNU_MBIND
X86_LARGE = 1 << 28  # SHF_X86_64_LARGE
# flag, letter, word
FLAGS = (
    (uapi.SHF_WRITE, "W", "WRITE"),
    (uapi.SHF_ALLOC, "A", "ALLOC"),
    (uapi.SHF_EXECINSTR, "X", "EXEC"),
    (uapi.SHF_MERGE, "M", "MERGE"),
    (uapi.SHF_STRINGS, "S", "STRINGS"),
    (uapi.SHF_INFO_LINK, "I", "INFO LINK"),
    (uapi.SHF_LINK_ORDER, "L", "LINK ORDER"),
    (uapi.SHF_OS_NONCONFORMING, "O", "OS NONCONF"),
    (uapi.SHF_GROUP, "G", "GROUP"),
    (uapi.SHF_TLS, "T", "TLS"),
    (uapi.SHF_EXCLUDE, "E", "EXCLUDE"),
    (uapi.SHF_COMPRESSED, "C", "COMPRESSED"),
)
LETTERS = {flag: letter for flag, letter, _ in FLAGS}
WORDS = {flag: word for flag, _, word in FLAGS}
KEY = """Key to Flags:
  W (write), A (alloc), X (execute), M (merge), S (strings), I (info),
  L (link order), O (extra OS processing required), G (group), T (TLS),
  C (compressed), x (unknown), o (OS specific), E (exclude),
  """


def _bits(flags: int) -> list[int]:
    return [1 << at for at in range(64) if flags >> at & 1]


def letters(image: Image, flags: int) -> str:
    """As in the column Flg. Where one of several OS-specific bits is shown, the others are not."""
    out: list[str] = []
    skipped = 0
    for flag in _bits(flags):
        if flag & skipped:
            continue
        if letter := LETTERS.get(flag):
            out.append(letter)
        elif flag == X86_LARGE and image.machine == uapi.EM_X86_64:
            out.append("l")
        elif flag & uapi.SHF_MASKOS:
            if flag == uapi.SHF_GNU_RETAIN and image.osabi in (GNU, FREEBSD):
                out.append("R")
            elif flag == MBIND and image.osabi in (GNU, FREEBSD, NONE):
                out.append("D")
            else:
                out.append("o")
                skipped |= uapi.SHF_MASKOS
        elif flag & uapi.SHF_MASKPROC:
            out.append("p")
            skipped |= ((1 << 64) - 1) & ~0x0FFFFFFF  # the upper half too, as readelf does
        else:
            out.append("x")
    return "".join(out)


def _word(image: Image, flag: int) -> str | None:
    if word := WORDS.get(flag):
        return word
    if flag == uapi.SHF_ORDERED and image.machine in (uapi.EM_X86_64, SPARCV9):
        return "ORDERED"
    if flag == uapi.SHF_GNU_RETAIN and image.osabi in (GNU, FREEBSD):
        return "GNU_RETAIN"
    if flag == MBIND and image.osabi in (GNU, FREEBSD, NONE):
        return "GNU_MBIND"
    return None


def words(image: Image, flags: int) -> str:
    """As option -t has them."""
    named: list[str] = []
    of_os = of_processor = unknown = 0
    for flag in _bits(flags):
        if word := _word(image, flag):
            named.append(word)
        elif flag & uapi.SHF_MASKOS:
            of_os |= flag
        elif flag & uapi.SHF_MASKPROC:
            of_processor |= flag
        else:
            unknown |= flag
    for what, rest in (("OS", of_os), ("PROC", of_processor), ("UNKNOWN", unknown)):
        if rest:
            named.append(f"{what} ({rest:016x})")
    return f"[{flags:016x}]: {', '.join(named)}"


def key(image: Image) -> str:
    """What the letters mean."""
    some = "R (retain), " if image.osabi in (GNU, FREEBSD) else ""
    if image.osabi in (GNU, FREEBSD, NONE):
        some += "D (mbind), "
    if image.machine == uapi.EM_X86_64:
        some += "l (large), "
    return f"{KEY}{some}p (processor specific)\n"
