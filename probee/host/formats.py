"""The `format` file of a tracepoint: its text in, `spec.TracepointFormat` out.

    name: sys_enter_openat
    ID: 680
    format:
        field:unsigned short common_type;	offset:0;	size:2;	signed:0;
        …                                     (a blank line behind the common_ fields)
        field:const char * filename;	offset:24;	size:8;	signed:0;

    print fmt: "dfd: 0x%08lx, filename: 0x%08lx, …", …

Written by f_show in the kernel's kernel/trace/trace_events.c. Anything else is a FormatError: code
is compiled against these offsets, so nothing in them is guessed. What stands behind `print fmt:` is
for people, and not read.

A field of varying length is in the record as its place, which the kernel's own struct calls
`__data_loc_NAME` (include/trace/stages/stage1_struct_define.h). By that name it goes here too if
another field has its name, as `type` of Linux 5.10's regmap:regcache_sync.
"""

from __future__ import annotations

from probee.errors import FormatError
from probee.spec.target import FormatField, TracepointFormat

_LARGEST = 1 << 16  # bytes of a record: perf refuses larger ones (PERF_MAX_TRACE_SIZE is 8192)


def parse(text: str, category: str, name: str) -> tuple[int, TracepointFormat]:
    """The number and the format of tracepoint `category:name`, from the text of its file."""
    lines = text.split("\n")
    id = -1
    fields: list[FormatField] = []
    head = True
    for number, line in enumerate(lines, 1):
        if line.startswith("print fmt:"):
            break
        if line.startswith("name: ") and number == 1:
            if line[6:] != name:
                raise _wrong(number, f"the name is {line[6:]!r}, not {name!r}")
        elif line.startswith("ID: ") and number == 2:
            id = _number(line[4:], number, "ID")
        elif line == "format:" and number == 3:
            head = False
        elif line.startswith("\tfield:") and not head:
            fields.append(_field(line[7:], number, fields))
        elif line:
            raise _wrong(number, f"{line[:40]!r} is not expected here")
    if id < 0 or not fields:
        raise FormatError(f"the format of tracepoint {category}:{name} is incomplete")
    return id, TracepointFormat(category, name, _told_apart(fields))


def _field(text: str, number: int, before: list[FormatField]) -> FormatField:
    """`const char * filename;	offset:24;	size:8;	signed:0;` without the leading `field:`."""
    parts = text.split(";\t")
    if len(parts) != 4 or not parts[3].endswith(";"):
        raise _wrong(number, "a field has a declaration, offset, size and signedness")
    parts[3] = parts[3][:-1]
    values = []
    for part, key in zip(parts[1:], ("offset", "size", "signed"), strict=True):
        label, colon, value = part.partition(":")
        if label != key or not colon:
            raise _wrong(number, f"{key} is expected, not {part[:20]!r}")
        values.append(_number(value, number, key))
    type, name = _declaration(parts[0], number)
    offset, size, signed = values
    if signed > 1 or offset + size > _LARGEST:
        raise _wrong(number, f"field {name} is out of bounds")
    if any((field.name, _place(field.type)) == (name, _place(type)) for field in before):
        raise _wrong(number, f"field {name} comes twice")
    return FormatField(name, type, offset, size, bool(signed))


def _place(type: str) -> str:
    """`__data_loc` or `__rel_loc` where the field is only the place of its value, or ""."""
    word = type.partition(" ")[0]
    return word if word in ("__data_loc", "__rel_loc") else ""


def _told_apart(fields: list[FormatField]) -> tuple[FormatField, ...]:
    """The fields, those under the name of another by the kernel's own names for them."""
    names = [field.name for field in fields]
    if len(set(names)) == len(names):
        return tuple(fields)
    return tuple(
        FormatField(f"{_place(f.type)}_{f.name}", f.type, f.offset, f.size, f.signed)
        if _place(f.type) and names.count(f.name) > 1
        else f
        for f in fields
    )


def _declaration(text: str, number: int) -> tuple[str, str]:
    """Type and name: `char comm[16]` is `char[16]` and `comm`, `__data_loc char[] s` has s last."""
    bracket = text.find("[") if text.endswith("]") else -1
    start, dimensions = (text, "") if bracket < 0 else (text[:bracket], text[bracket:])
    start = start.rstrip()
    at = max(start.rfind(" "), start.rfind("*"))
    type, name = start[: at + 1].rstrip() + dimensions, start[at + 1 :]
    if at < 0 or not type or not (name.isascii() and name.isidentifier()):
        raise _wrong(number, f"{text[:60]!r} declares no field")
    return type, name


def _number(text: str, number: int, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise _wrong(number, f"{what} is no number: {text[:20]!r}")
    return int(text)


def _wrong(number: int, what: str) -> FormatError:
    return FormatError(f"tracepoint format, line {number}: {what}")
