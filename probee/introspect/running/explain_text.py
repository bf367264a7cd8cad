"""An explanation as prose: paragraphs, and a list of maps.

In: an `Explanation`. Out: paragraphs, each a text to be wrapped and how far its further lines are
indented. Names come from anywhere: what a terminal would obey is escaped here.
"""

from __future__ import annotations

from time import localtime, strftime

from probee.frame.document import Absent
from probee.introspect.running.forms import in_all, number, one_line, percent, size
from probee.introspect.running.table import seen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from probee.introspect.running.explain import Explanation, MapUse
    from probee.introspect.running.table import Running


def paragraphs(one: Explanation, user: str, seconds: float) -> Iterator[tuple[str, int]]:
    """Text and indent. `user`: who loaded it; `seconds`: how long it was looked at."""
    yield _what(one), 0
    yield _does(one), 0
    if isinstance(one.maps, Absent):
        yield f"Which maps it uses is not known: {one.maps.why}.", 0
    elif one.maps:
        yield f"It uses {_count(len(one.maps), 'map')}:", 0
        for map_ in one.maps:
            yield f"  {_map(map_)}", 4
    yield _whose(one.program, user), 0
    yield _code(one), 0
    yield _cost(one.program, seconds), 0


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _count(value: int, word: str) -> str:
    return f"{value:,} {word}{'' if value == 1 else 's'}"


def _article(word: str) -> str:
    return f"an {word}" if word[:1] in "aeiou" or word.startswith("xdp") else f"a {word}"


def _what(one: Explanation) -> str:
    row = one.program
    name = f", {one_line(row.name)}," if row.name else ""
    text = f"Program {row.id}{name} is {_article(row.type)} program."
    if isinstance(row.attached, Absent):
        return f"{text} Where it is attached is not known: {row.attached.why}."
    if not row.attached:
        return f"{text} It is attached nowhere, and does not run."
    if not isinstance(one.when, Absent) and one.when:
        text += f" It runs {listed([one_line(words) for words in one.when])}."
    known = [at for at in row.attached if at.kind != "link"]
    unknown = [f"link {at.link} (of type {at.target})" for at in row.attached if at.kind == "link"]
    if unknown:
        text += f" At hooks that are not known here it is held by {listed(unknown)}."
    if not known:
        return text
    places = [
        f"{one_line(at.words)} by {f'link {at.link}' if at.link else _article(at.through)}"
        for at in known[:8]
    ]
    more = len(known) - len(places)
    places += [_count(more, "more place")] if more else []
    return f"{text} It is attached to {listed(places)}."


def _does(one: Explanation) -> str:
    if isinstance(one.does, Absent):
        return f"What it does is not known: {one.does.why}."
    sentences = []
    if not isinstance(one.fields, Absent) and one.fields:
        word = "field" if len(one.fields) == 1 else "fields"
        names = listed([one_line(name) for name in one.fields])
        sentences.append(f"It reads the {word} {names} of the tracepoint's record.")
    if one.does:
        sentences.append(f"It {listed([one_line(words) for words in one.does])}.")
    if not sentences and not one.maps:
        return "It calls nothing and uses no map: it can only tell the kernel what to do next."
    return " ".join(sentences) or "It calls nothing of the kernel's besides what its maps need."


def _map(map_: MapUse) -> str:
    name = one_line(map_.name) or "without a name"
    about = f", {map_.about}" if map_.about else ""
    text = f"{name} ({map_.type} {map_.id}{about}; {size(map_.memory)})"
    uses = [use for use in map_.uses if not (use == "reads" and map_.reads)]
    uses = [use for use in uses if not (use == "writes" and map_.writes)]
    parts = [f"it {listed(uses)} it"] if uses else []
    parts += [f"it reads {_names(map_.reads)}"] if map_.reads else []
    parts += [f"it writes {_names(map_.writes)}"] if map_.writes else []
    return f"{text}: {'; '.join(parts)}" if parts else text


def _names(names: Iterable[str], most: int = 8) -> str:
    found = [one_line(name) for name in names]
    more = len(found) - most
    return listed([*found[:most], f"{more} more"] if more > 0 else found)


def _whose(row: Running, user: str) -> str:
    when = strftime("%Y-%m-%d %H:%M:%S", localtime(row.loaded_at))
    text = f"{one_line(user)} loaded it at {when}."
    by_process: dict[str, list[str]] = {}
    for holder in seen(row.holders):
        by_process.setdefault(f"{one_line(holder.comm)} ({holder.pid})", []).append(holder.by)
    holders = [
        f"{who}, by {'a descriptor' if len(how) == 1 else 'descriptors'} of the {listed(how)}"
        for who, how in by_process.items()
    ]
    holders += [f"the pin {one_line(pin.path)}, of the {pin.of}" for pin in seen(row.pins)]
    if holders:
        return f"{text} It is held by {listed(holders[:8], 'and')}."
    if isinstance(row.holders, Absent):
        return f"{text} Who holds it is not known: {row.holders.why}."
    attached = not isinstance(row.attached, Absent) and row.attached
    why = "what it is attached to holds it" if attached else "what holds it cannot be seen"
    return f"{text} No process has a descriptor of it, and it is not pinned: {why}."


def _code(one: Explanation) -> str:
    many = 0 if isinstance(one.functions, Absent) else one.functions
    functions = f" in {many} functions" if many > 1 else ""
    jited = f", {one.jited:,} bytes of machine code" if one.jited else ", interpreted"
    text = f"It is {_count(one.instructions, 'instruction')} long{functions}{jited}."
    if not isinstance(one.verified, Absent) and one.verified:
        text += f" The verifier went through {one.verified:,} instructions."
    text += "" if one.gpl else " Its license is not the GPL's kind."
    if isinstance(one.sources, Absent):
        return f"{text} Its source is not known: {one.sources.why}."
    files = [
        f"{one_line(file.file)} lines {file.first} to {file.last}"
        if file.last > file.first
        else f"{one_line(file.file)} line {file.first}"
        for file in one.sources
    ]
    return f"{text} It comes from {_names(files)}."


def _cost(row: Running, seconds: float) -> str:
    memory = f"It takes {size(row.memory)} of memory"
    if isinstance(row.maps_memory, Absent):
        memory += f"; what its maps take {row.maps_memory.why}."
    else:
        memory += f", its maps {size(row.maps_memory)}." if row.map_ids else "."
    if isinstance(row.runs_per_second, Absent):
        return f"{memory} How often it runs is not known: {row.runs_per_second.why}."
    total = f"{in_all(row)} in all were counted"
    if not row.runs_per_second:
        return f"{memory} It did not run in {seconds:g} s of looking; {total}."
    rate, each = number(row.runs_per_second), number(row.ns_per_run)
    return (
        f"{memory} In {seconds:g} s of looking it ran {rate} times a second, {each} ns each, "
        f"which is {percent(row.cpu_percent)} % of a CPU; {total}."
    )
