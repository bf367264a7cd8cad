"""Notes whose owner is GNU: build ID, ABI tag, properties.

In: a note. Out: lines.
"""

from __future__ import annotations

from probee.introspect.readelf.image import alternate
from probee.introspect.readelf.text import c_string
from probee.uapi import elf as uapi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.introspect.readelf.image import Image
    from probee.introspect.readelf.notes import Note

ABI_TAG, HWCAP, BUILD_ID, GOLD, PROPERTY = 1, 2, 3, 4, 5
TYPES = {
    ABI_TAG: "NT_GNU_ABI_TAG (ABI version tag)",
    HWCAP: "NT_GNU_HWCAP (DSO-supplied software HWCAP info)",
    BUILD_ID: "NT_GNU_BUILD_ID (unique build ID bitstring)",
    GOLD: "NT_GNU_GOLD_VERSION (gold version)",
    PROPERTY: "NT_GNU_PROPERTY_TYPE_0",
    0x100: "NT_GNU_BUILD_ATTRIBUTE_OPEN",
    0x101: "NT_GNU_BUILD_ATTRIBUTE_FUNC",
}
SYSTEMS = ("Linux", "Hurd", "Solaris", "FreeBSD", "NetBSD", "Syllable", "NaCl")

# Bits of the x86-64 psABI's program properties, from the lowest on.
FEATURE_1 = ("IBT", "SHSTK", "LAM_U48", "LAM_U57")
FEATURE_2 = (
    "x86", "x87", "MMX", "XMM", "YMM", "ZMM", "FXSR", "XSAVE", "XSAVEOPT", "XSAVEC", "TMM", "MASK",
)  # fmt: skip
ISA = ("x86-64-baseline", "x86-64-v2", "x86-64-v3", "x86-64-v4")
COMPAT_ISA = (
    "i486", "586", "686", "SSE", "SSE2", "SSE3", "SSSE3", "SSE4_1", "SSE4_2", "AVX", "AVX2",
    "AVX512F", "AVX512CD", "AVX512ER", "AVX512PF", "AVX512VL", "AVX512DQ", "AVX512BW",
)  # fmt: skip
COMPAT_2_ISA = (
    "CMOV", "SSE", "SSE2", "SSE3", "SSSE3", "SSE4_1", "SSE4_2", "AVX", "AVX2", "FMA", "AVX512F",
    "AVX512CD", "AVX512ER", "AVX512PF", "AVX512VL", "AVX512DQ", "AVX512BW", "AVX512_4FMAPS",
    "AVX512_4VNNIW", "AVX512_BITALG", "AVX512_IFMA", "AVX512_VBMI", "AVX512_VBMI2",
    "AVX512_VNNI", "AVX512_BF16",
)  # fmt: skip
# type of property: what it is, its bits, whether no bit at all is said to be none
X86 = {
    0xC0000000: ("x86 ISA used", COMPAT_ISA, False),
    0xC0000001: ("x86 ISA needed", COMPAT_ISA, False),
    0xC0000002: ("x86 feature", FEATURE_1, True),
    0xC0008000: ("x86 ISA needed", COMPAT_2_ISA, True),
    0xC0008001: ("x86 feature needed", FEATURE_2, True),
    0xC0008002: ("x86 ISA needed", ISA, False),
    0xC0010000: ("x86 ISA used", COMPAT_2_ISA, True),
    0xC0010001: ("x86 feature used", FEATURE_2, True),
    0xC0010002: ("x86 ISA used", ISA, False),
}
AARCH64_FEATURES = ("BTI", "PAC", "GCS")
STACK_SIZE, NO_COPY, MEMORY_SEAL = 1, 2, 3
AND_LO, OR_LO, OR_HI = 0xB0000000, 0xB0008000, 0xB000FFFF
PROCESSOR_LO, PROCESSOR_HI, USER_LO = 0xC0000000, 0xDFFFFFFF, 0xE0000000
WORD = 8  # properties are aligned to it


def gnu_type(number: int) -> str | None:
    """What readelf calls a type of note."""
    return TYPES.get(number)


def show_gnu(image: Image, note: Note) -> bool:
    """What stands in the note; whether all was well with it."""
    put, data = image.out.put, note.data
    if note.type == BUILD_ID:
        put(f"    Build ID: {data.hex()}\n")
    elif note.type == ABI_TAG:
        if len(data) < 16:
            put("    <corrupt GNU_ABI_TAG>\n")
            return True
        system, *version = (image.number(data[4 * n : 4 * n + 4]) for n in range(4))
        name = SYSTEMS[system] if system < len(SYSTEMS) else "Unknown"
        numbers = ".".join(str(n - (1 << 32) if n >> 31 else n) for n in version)
        put(f"    OS: {name}, ABI: {numbers}\n")
    elif note.type == GOLD:
        version_text = c_string(data, 0).decode("latin-1")
        put(f"    Version: {version_text}\n")
    elif note.type == HWCAP:
        put("      Hardware Capabilities: ")
        if len(data) < 8:
            image.out.error("<corrupt GNU_HWCAP>\n")
            return False
        count = image.number(data[:4])
        count = count - (1 << 32) if count >> 31 else count
        put(f"num entries: {count}, enabled mask: {image.number(data[4:8]):x}\n")
    elif note.type == PROPERTY:
        _show_properties(image, data)
    else:
        put(f"    Description data: {''.join(f'{byte:02x} ' for byte in data)}\n")
    return True


def _show_properties(image: Image, data: bytes) -> None:
    put, end = image.out.put, len(data)
    put("      Properties: ")
    if end < WORD or end % WORD:
        put(f"<corrupt GNU_PROPERTY_TYPE, size = {alternate(end)}>\n")
        return
    at = 0
    while at < end:
        if end - at < WORD:
            put(f"<corrupt descsz: {alternate(end)}>\n")
            break
        kind, size = image.number(data[at : at + 4]), image.number(data[at + 4 : at + 8])
        at += 8
        if size > end - at:
            put(f"<corrupt type ({alternate(kind)}) datasz: {alternate(size)}>\n")
            break
        put(_property(image, kind, data[at : at + size]))
        at += (size + WORD - 1) & -WORD
        if at == end:
            break
        put(", " if image.shown.wide else "\n\t")
    put("\n")


def _property(image: Image, kind: int, data: bytes) -> str:
    size = len(data)
    corrupt = f"<corrupt length: {alternate(size)}> "
    if PROCESSOR_LO <= kind <= PROCESSOR_HI:
        if image.machine == uapi.EM_X86_64 and (row := X86.get(kind)):
            what, names, says_none = row
            if size != 4:
                return f"{what}: {corrupt}"
            return f"{what}: {_bits(image.number(data), names, says_none=says_none)}"
        if image.machine == uapi.EM_AARCH64 and kind == PROCESSOR_LO:
            names = AARCH64_FEATURES[:2] if image.shown.old else AARCH64_FEATURES
            bits = _bits(image.number(data), names, says_none=False) if size == 4 else corrupt
            return f"AArch64 feature: {bits}"
    elif kind == STACK_SIZE:
        return f"stack size: {corrupt if size != WORD else alternate(image.number(data))}"
    elif kind in (NO_COPY, MEMORY_SEAL):
        if kind == NO_COPY or not image.shown.old:
            what = "no copy on protected" if kind == NO_COPY else "memory seal"
            return f"{what} {corrupt if size else ''}"
    elif AND_LO <= kind <= OR_HI:
        if kind == OR_LO:
            if size != 4:
                return f"1_needed: {corrupt}"
            names = ("indirect external access",)
            return f"1_needed: {_bits(image.number(data), names, says_none=False)}"
        what = f"UINT32_{'AND' if kind < OR_LO else 'OR'} ({alternate(kind)}): "
        return what + (alternate(image.number(data)) if size == 4 else corrupt)
    owner = "unknown" if kind < PROCESSOR_LO else "processor-specific"
    if kind >= USER_LO:
        owner = "application-specific"
    listed = "".join(f"{byte:02x} " for byte in data)
    return f"<{owner} type {alternate(kind)} data: {listed}>"


def _bits(mask: int, names: tuple[str, ...], *, says_none: bool) -> str:
    if not mask:
        return "<None>" if says_none else ""
    bits = [at for at in range(32) if mask >> at & 1]
    return ", ".join(names[at] if at < len(names) else f"<unknown: {1 << at:x}>" for at in bits)
