"""An object's explanation as lines of text.

In: an `ObjectReport`. Out: lines of at most `WIDTH` columns where words allow. Every text of the
report is escaped before it is laid out: names in an object may hold anything.
"""

from __future__ import annotations

from probee.frame.help import WIDTH, wrap
from probee.frame.text import escape
from probee.frozen import Frozen, replace
from probee.introspect.inspect.core import signed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeVar

    from probee.introspect.inspect.facts import Asked
    from probee.introspect.inspect.report import (
        CoreRow,
        MapRow,
        ObjectReport,
        ProgramRow,
        TypeRow,
    )

    Any_ = TypeVar("Any_")

_LABEL = 14
_NAME = 24  # of a section, in one line with what it is for
_SUMMED = (
    ("relocations", "what a loader fills in (relocations)"),
    ("debugging", "debugging information (DWARF), which no loader reads"),
)
_WORDS = {"yes": "yes", "no": "NO", "unknown": "not known", "not asked": "not asked"}


def lines(report: ObjectReport) -> Iterator[str]:
    """All lines, each with its newline."""
    report = safe(report)
    parts = [_file(report), _sections(report), _externs(report)]
    parts += [_program(program, report) for program in report.programs]
    parts += [_map(map_, "Map", report) for map_ in report.maps]
    first = True
    for part in parts:
        for number, line in enumerate(part):
            if number == 0 and not first:
                yield "\n"
            first = False
            yield f"{line}\n"


def safe(value: Any_) -> Any_:
    """The same with every text escaped, at any depth."""
    result: object = value
    if isinstance(value, str):
        result = value if value.isprintable() and "\\" not in value else _escaped(value)
    elif isinstance(value, tuple):
        result = tuple(safe(item) for item in value)
    elif isinstance(value, Frozen):
        names: tuple[str, ...] = value.__match_args__
        result = replace(value, **{name: safe(getattr(value, name)) for name in names})
    return result  # type: ignore[return-value]


def _escaped(text: str) -> str:
    return escape(text.encode("utf-8", "surrogatepass" if _lone(text) else "surrogateescape"))


def _lone(text: str) -> bool:
    """Whether a surrogate stands for no byte: none comes of a file, but a kernel's words might."""
    return any("\ud800" <= c <= "\udc7f" or "\udd00" <= c <= "\udfff" for c in text)


def _row(label: str, text: str) -> Iterator[str]:
    """`  label      text`, wrapped."""
    first, *more = wrap(text, WIDTH - _LABEL) or [""]
    yield f"{f'  {label}':<{_LABEL}}{first}".rstrip()
    for line in more:
        yield f"{'':<{_LABEL}}{line}"


def _rows(label: str, texts: Iterable[str]) -> Iterator[str]:
    """A text a line, the label before the first."""
    for text in texts:
        yield from _row(label, text)
        label = ""


def _asked(asked: Asked) -> str:
    return f"{_WORDS[asked.answer]}: {asked.why}" if asked.why else _WORDS[asked.answer]


def count(number: int, word: str) -> str:
    """`1 program`, `2,000 programs`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _some(shown: int, all_: int, word: str) -> str:
    """`2 maps`; where not all of them are shown, `1 of 2 maps`."""
    return f"{shown:,} of {count(all_, word)}" if shown != all_ else count(all_, word)


# ------------------------------------------------------------------------------------ the whole


def _file(report: ObjectReport) -> Iterator[str]:
    yield f"{report.path}: a BPF object of {count(report.size, 'byte')}, {report.endian} endian"
    if report.license:
        may = "may" if report.gpl else "may not"
        yield from _row("license", f"{report.license}: it {may} call helpers marked GPL")
    else:
        yield from _row("license", "none: it may not call helpers marked GPL")
    yield from _row("made by", "; ".join(report.producers) or "it does not say")
    types = f"{count(report.types, 'type')} in its BTF" if report.types else "none: it has no BTF"
    yield from _row("types", types)
    programs = _some(len(report.programs), report.programs_in_file, "program")
    yield from _row("has", f"{programs}, {_some(len(report.maps), report.maps_in_file, 'map')}")
    if not report.kernel:
        return
    yield from _row("kernel", report.kernel)
    if report.loadable.answer == "no":
        yield from _row("", f"It cannot be loaded here: {report.loadable.why}.")
    if report.kernel_types.answer == "no":
        yield from _row("", f"CO-RE cannot be resolved: {report.kernel_types.why}.")


def _sections(report: ObjectReport) -> Iterator[str]:
    """A line a section; what no person looks into one by one is summed up."""
    shown = [row for row in report.sections if row.kind in ("code", "other")]
    if not shown:
        return
    yield "Sections"
    width = max(len(row.name) for row in shown if len(row.name) <= _NAME or row is shown[0])
    width = min(width, _NAME)
    for row in shown:
        about = row.about
        if row.programs and row.programs != (row.name,):
            about += f": {', '.join(row.programs)}"
        head = f"{row.number:4} {row.size:8,} B  {row.name:<{width}}"
        if len(row.name) > width:
            yield head
            head = f"{'':15}{'':{width}}"
        yield from _hanging(f"{head}  ", about)
    for kind, words in _SUMMED:
        rows = [row for row in report.sections if row.kind == kind]
        if rows:
            numbers = ", ".join(_spans([row.number for row in rows]))
            sections = f"section{'s' * (len(rows) > 1)} {numbers}"
            text = f"{words}: {sections} ({count(sum(row.size for row in rows), 'byte')})"
            yield from _hanging("     ", text)


def _hanging(head: str, text: str) -> Iterator[str]:
    """`text` behind `head`, its further lines below its first."""
    first, *more = wrap(text, max(WIDTH - len(head), 30)) or [""]
    yield f"{head}{first}".rstrip()
    for line in more:
        yield f"{'':{len(head)}}{line}"


def _spans(numbers: list[int]) -> Iterator[str]:
    """`4`, `7 to 9`, for ascending numbers."""
    start = before = numbers[0]
    for number in [*numbers[1:], -1]:
        if number != before + 1:
            joined = " to " if before > start + 1 else ", "
            yield f"{start}" if start == before else f"{start}{joined}{before}"
            start = number
        before = number


def _externs(report: ObjectReport) -> Iterator[str]:
    if not report.externs:
        return
    yield "What it expects of the kernel, or of its loader"
    for row in report.externs:
        weak = ", or does without" if row.weak else ""
        yield from _row(row.kind, f"{row.declaration or row.name}{weak}")
        if report.kernel and report.loadable.answer != "no":
            yield from _row("", f"here: {row.value or _asked(row.here)}")


# -------------------------------------------------------------------------------------- programs


def _program(program: ProgramRow, report: ObjectReport) -> Iterator[str]:
    yield f"Program {program.name}"
    later = "" if program.autoload else ", not loaded unless asked for"
    yield from _row("section", f"{program.section}{later}")
    yield from _row("runs", program.runs or "nobody can tell: its section names no known type")
    yield from _row("type", _type(program))
    if program.target:
        yield from _row("attached to", program.target)
    yield from _row("code", f"{count(program.instructions, 'instruction')}, {program.size:,} bytes")
    if len(program.functions) > 1:
        functions = [
            f"{f.name} ({f.instructions} instructions from {f.start} on)" for f in program.functions
        ]
        yield from _row("functions", ", ".join(functions))
    yield from _rows("source", (_source(row.file, row.first, row.last) for row in program.sources))
    helpers = [f"{h.name} ({h.since or '?'}{', GPL' * h.gpl})" for h in program.helpers]
    yield from _row_if("helpers", ", ".join(helpers))
    kfuncs = [f"{k.name}{' (or does without)' * k.weak}" for k in program.kfuncs]
    yield from _row_if("kfuncs", ", ".join(kfuncs))
    yield from _row_if("maps", ", ".join(program.maps))
    yield from _row_if("variables", ", ".join(program.variables))
    yield from _row_if("symbols", ", ".join(program.symbols))
    if report.kernel and report.loadable.answer != "no":
        yield from _here(program)
    yield from _core(program.core)


def _row_if(label: str, text: str) -> Iterator[str]:
    if text:
        yield from _row(label, text)


def _source(file: str, first: int, last: int) -> str:
    return f"{file}, line {first}" if first == last else f"{file}, lines {first} to {last}"


def _type(program: ProgramRow) -> str:
    words = program.type or "none that is known"
    words += f", attached as {program.attach_type}" if program.attach_type else ""
    words += ", may sleep" if program.sleepable else ""
    return f"{words} (Linux {program.since})" if program.since else words


def _here(program: ProgramRow) -> Iterator[str]:
    """What the kernel makes of it. What stands in its way begins with NO."""
    yield from _row("hook here", _asked(program.attach_point))
    yield from _row("loads here", _asked(program.loads))
    for helper in program.helpers:
        if not helper.licensed:
            yield from _row("", f"NO: {helper.name} is for programs under the GPL")
        if helper.here.answer == "no":
            yield from _row("", f"NO: this kernel gives {helper.name} to no such program")
    unknown = [h.name for h in program.helpers if h.here.answer == "unknown"]
    if unknown:
        yield from _row("", f"not known whether it has {', '.join(unknown)}")
    for kfunc in program.kfuncs:
        if kfunc.here.answer == "no":
            weak = ", which code can do without" if kfunc.weak else ""
            yield from _row("", f"{_asked(kfunc.here)}{weak}")


def _core(rows: tuple[CoreRow, ...]) -> Iterator[str]:
    if not rows:
        return
    states = ", ".join(
        f"{number} {state}"
        for state in ("found", "missing", "refused", "not asked")
        if (number := sum(row.state == state for row in rows))
    )
    yield from _row("CO-RE", f"{count(len(rows), 'record')}: {states}")
    if any("invalid" in row.effect for row in rows):
        yield from _row("", "What is made invalid fails the program only if it can be reached.")
    for row in rows:
        yield f"  {row.slot:6}: {row.instruction}"
        yield from _indented(f"{row.asks}{_before(row)}{_outcome(row)}", 10)


def _before(row: CoreRow) -> str:
    return f": {signed(row.before)}" if row.before is not None else ""


def _outcome(row: CoreRow) -> str:
    match row.state:
        case "found":
            here = f"in module {row.module}" if row.module else "here"
            words = f", {here} {signed(row.after)}" if row.after is not None else ""
            return f"{words}; {row.effect}" if row.effect else words
        case "missing":
            return f"; MISSING: {row.why}; {row.effect}"
        case "refused":
            return f"; REFUSED: {row.why}; {row.effect}"
        case _:
            return ""


def _indented(text: str, indent: int) -> Iterator[str]:
    for line in wrap(text, WIDTH - indent):
        yield f"{'':<{indent}}{line}"


# ------------------------------------------------------------------------------------------ maps


def _map(map_: MapRow, word: str, report: ObjectReport) -> Iterator[str]:
    yield f"{word} {map_.name}".rstrip()
    since = f" (Linux {map_.since})" if map_.since else ""
    about = f": {map_.about}" if map_.about else ""
    yield from _row("type", f"{map_.type}{about}{since}")
    if map_.variables or map_.name == ".kconfig":
        yield from _row("size", count(map_.value.size, "byte"))
        values = (v.declaration + (f" = {v.value}" if v.value else "") for v in map_.variables)
        yield from _rows("variables", values)
    else:
        yield from _value("key", map_.key)
        yield from _value("value", map_.value)
        yield from _row_if("entries", f"{map_.entries:,}" if map_.entries else "")
    yield from _row_if("flags", ", ".join(map_.flags))
    yield from _row_if("extra", f"{map_.extra:#x}" if map_.extra else "")
    if "BPF_F_NUMA_NODE" in map_.flags:
        yield from _row("memory of", f"NUMA node {map_.numa_node}")
    yield from _row_if("pinned", f"{map_.pinning}, in the bpf file system" if map_.pinning else "")
    if not map_.autocreate:
        yield from _row("created", "not unless asked for")
    yield from _row_if("begins as", map_.contents)
    yield from _rows("holds", (f"{place}: {name}" for place, name in map_.initial))
    if report.kernel and report.loadable.answer != "no":
        yield from _row("here", _asked(map_.here))
    for inner in map_.inner:
        yield from (f"  {line}" for line in _map(inner, "Each of its maps", report))


def _value(label: str, row: TypeRow) -> Iterator[str]:
    if not row.size and not row.declaration:
        return
    size = count(row.size, "byte")
    yield from _row(label, f"{row.declaration}, {size}" if row.declaration else size)
    for line in row.definition:
        yield f"{'':<{_LABEL}}  {line}"
