"""A loaded program explained: what it is, when it runs, what it does, whose it is, what it costs.

In: a program's row, the running kernel. Out: `Explanation`, of which the command makes prose. The
sentences about hooks, maps and helpers are those of tables, as in `probee inspect`.
"""

from __future__ import annotations

from os import close

from probee.asm.decode import decode
from probee.errors import FormatError, KernelError, ProbeeError
from probee.frame.document import Absent
from probee.frozen import Frozen
from probee.host.info import PROGRAM, read
from probee.introspect.inspect.maps import about as map_words
from probee.introspect.loaded.code import XLATED, code_of
from probee.introspect.loaded.maps import Maps
from probee.introspect.loaded.programs import Programs
from probee.introspect.loaded.reach import EPERM, iterated, opened
from probee.introspect.running.code import Reader, Uses
from probee.introspect.running.lines import source
from probee.introspect.running.symbols import Symbols
from probee.introspect.running.variables import named
from probee.tables import helpers
from probee.tables.helper_words import words as helper_words
from probee.tables.hooks import by_section, runs_when

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.introspect.loaded.maps import Map
    from probee.introspect.loaded.programs import Program
    from probee.introspect.loaded.types import Types
    from probee.introspect.running.attached import Attachment
    from probee.introspect.running.table import Running

_ADMIN = "needs CAP_SYS_ADMIN"
_CLOSED = "needs CAP_SYS_ADMIN, or a pin of the program, or CAP_SYS_PTRACE where a process holds it"
_HIDDEN = "needs CAP_SYSLOG, and sysctl kernel.kptr_restrict=1 or 0"
# What the table of hooks calls otherwise: kinds of attachments, and ways of a kind.
_KINDS = {"tc action": "action", "sockmap": "sk_skb"}
_WAYS = {
    "cgroup": {"ingress": "cgroup_skb/ingress", "egress": "cgroup_skb/egress",
               "device": "cgroup/dev", "sock_ops": "sockops"},
    "sockmap": {"stream_parser": "sk_skb/stream_parser", "verdict": "sk_skb/verdict",
                "stream_verdict": "sk_skb/stream_verdict", "msg_verdict": "sk_msg"},
}  # fmt: skip


class MapUse(Frozen):
    """A map of the program: what it is for, and what the program's code does to it."""

    id: int
    name: str
    type: str
    about: str
    entries: int
    memory: int | Absent
    uses: tuple[str, ...]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


class SourceFile(Frozen):
    """Lines of one file that became instructions: the first, the last, how many."""

    file: str
    first: int
    last: int
    lines: int


class Explanation(Frozen):
    """All that is known of a program. What cannot be had is an `Absent`.

    `when`: a sentence for each attachment. `does`: sentences, of the helpers that it calls; `calls`
    and `kfuncs` are names. `fields`: what it reads of its tracepoint's record.
    """

    program: Running
    gpl: bool
    instructions: int
    jited: int
    verified: int | Absent
    functions: int | Absent
    when: tuple[str, ...] | Absent
    does: tuple[str, ...] | Absent
    calls: tuple[str, ...] | Absent
    kfuncs: tuple[str, ...] | Absent
    fields: tuple[str, ...] | Absent
    maps: tuple[MapUse, ...] | Absent
    sources: tuple[SourceFile, ...] | Absent


def explain(row: Running, program: Program, types: Types) -> Explanation | None:
    """The explanation of a program; None where it is gone. Raises KernelError.

    `program`: what was read of it before, which is all there is where it may not be opened.
    """
    try:
        fd = opened("PROG", row.id)
    except KernelError as error:
        if error.errno != EPERM:
            raise
        return _from_afar(row, program, types)
    if fd is None:
        return None
    try:
        info, buffer = read(fd, PROGRAM)
        found = _uses(fd, types)
        # An iterator tells of the first ones alone.
        ids = Programs().row(fd).map_ids if isinstance(row.map_ids, Absent) else row.map_ids
    finally:
        close(fd)
    none = found if isinstance(found, Absent) else Absent("")
    known = found if isinstance(found, Uses) else None
    return Explanation(
        row,
        bool(buffer[84] & 1),
        info["xlated_prog_len"] // 8,
        info["jited_prog_len"],
        info["verified_insns"],
        max(info["nr_jited_ksyms"], 1),
        _when(row),
        _does(known) if known else none,
        tuple(sorted(known.calls)) if known else none,
        tuple(sorted(known.functions)) if known else none,
        _fields(row, known) if known else none,
        tuple(_maps(ids, known, types)),
        _sources(row.id, types),
    )  # fmt: skip


def _from_afar(row: Running, program: Program, types: Types) -> Explanation:
    """What an iterator tells: nothing of the code."""
    none, ids = Absent(_CLOSED), row.map_ids
    maps = ids if isinstance(ids, Absent) else tuple(_maps(ids, None, types))
    return Explanation(
        row, program.gpl, program.xlated // 8, program.jited, none, none, _when(row), none, none,
        none, none, maps, none,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------- hooks


def _when(row: Running) -> tuple[str, ...] | Absent:
    if isinstance(row.attached, Absent):
        return row.attached
    found = (when(one) for one in row.attached)
    return tuple(dict.fromkeys(sentence for sentence in found if sentence))


def when(one: Attachment) -> str:
    """When a program runs that hangs there: `each time openat(2) returns to a task: ...`."""
    if one.kind == "tail call":
        return f"when another program jumps to it through the table {one.target}"
    section = _section(one)
    if not section:
        return ""
    told = one.target if "{}" in by_section(section).runs and one.kind != "struct_ops" else ""
    several = one.kind.endswith(".multi") and ("," in told or " " in told)
    return runs_when(section, "" if several else told)


def _section(one: Attachment) -> str:
    """The section of an object file that would say the same; "" where none does."""
    kind, way = one.kind, one.way
    if kind == "lsm" and way:
        return "lsm_cgroup"
    if kind in _WAYS and way in _WAYS[kind]:
        return _WAYS[kind][way]
    for section in (f"{kind}/{way}", _KINDS.get(kind, kind)):
        try:
            return by_section(section).section
        except KeyError:
            continue
    return ""


# -------------------------------------------------------------------------------------------- code


def _uses(fd: int, types: Types) -> Uses | Absent:
    try:
        insns = decode(code_of(fd, XLATED, types).data, xlated=True)
    except KernelError as error:
        return Absent(error.cause or error.message)
    except FormatError as error:
        return Absent(f"its code has an instruction that probee does not know: {error.message}")
    return Reader(Symbols().helper).read(insns)


def _does(uses: Uses) -> tuple[str, ...]:
    """Sentences: those of the calls, then what no sentence is known for."""
    said = dict.fromkeys(filter(None, map(helper_words, uses.calls)))
    rest = [name for name in uses.calls if not helper_words(name) and not name.startswith("map_")]
    if rest:
        said["calls " + ", ".join(_helper(name) for name in sorted(rest))] = None
    if uses.functions:
        said["calls the kernel's functions " + ", ".join(sorted(uses.functions))] = None
    if uses.unnamed:
        said[f"makes {uses.unnamed} calls whose names are hidden ({_HIDDEN})"] = None
    return tuple(said)


def _helper(name: str) -> str:
    return f"bpf_{name}" if helpers.exists(name) else name


def _fields(row: Running, uses: Uses) -> tuple[str, ...] | Absent:
    """Fields of the tracepoint's record that its code reads."""
    if isinstance(row.attached, Absent):
        return row.attached
    from probee.host.tracefs import Tracefs

    found: dict[str, None] = {}
    for one in row.attached:
        category, colon, name = one.target.partition(":")
        if one.kind != "tracepoint" or not colon:
            continue
        try:
            with Tracefs() as tracefs:
                record = tracefs.format(category, name)
        except ProbeeError:
            continue
        for field in record.fields if record else ():
            if any(field.offset <= at < field.offset + field.size for at, _ in uses.context):
                found[field.name] = None
    return tuple(found)


# -------------------------------------------------------------------------------- maps and sources


def _maps(ids: Sequence[int], uses: Uses | None, types: Types) -> list[MapUse]:
    found = []
    for id in ids:
        map_ = _map(id)
        if map_ is None:
            continue
        kind = map_.type_name or f"type {map_.type}"
        done = uses.maps.get(id, ()) if uses else ()
        places = [place for place in uses.variables if place[0] == id] if uses else []
        reads, writes = named(map_, places, types)
        memory = (
            int(map_.memlock)
            if map_.memlock.isdigit()
            else Absent(_ADMIN if map_.lacking else "this kernel does not tell it")
        )
        words = map_words(map_.name, kind)
        found.append(
            MapUse(id, map_.name, kind, words, map_.max_entries, memory, done, reads, writes)
        )
    return found


def _map(id: int) -> Map | None:
    """The row of a map; an iterator's where it may not be opened. None where it is gone."""
    try:
        fd = opened("MAP", id)
    except KernelError:
        return next((row for row in iterated("MAP") or () if row.id == id), None)
    if fd is None:
        return None
    try:
        return Maps.row(fd)
    finally:
        close(fd)


def _sources(id: int, types: Types) -> tuple[SourceFile, ...] | Absent:
    lines = source(id, types)
    if not lines.lines:
        return Absent(lines.why_not)
    files: dict[str, list[int]] = {}
    for line in lines.lines:
        files.setdefault(line.file, []).append(line.number)
    return tuple(SourceFile(f, min(n), max(n), len(n)) for f, n in files.items())
