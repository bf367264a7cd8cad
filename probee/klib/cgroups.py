"""Which cgroups and containers a tool is interested in: `--cgroup --container --cgroupmap`.

In: what the command line said. Out: `cgroup_wanted()` for programs, and the constants and map
entries that make it say what was asked.

A cgroup stands for itself and all below it: the task's cgroup, or its ancestor at the level where
the wanted one lies, has the wanted id. A container is the cgroup that the runtime made for it.
Inside a cgroup namespace nobody can tell how far its root lies below the machine's; there each
level is tried. The pinned map of --cgroupmap holds the ids of cgroups for themselves, as bcc's
tools take it.
"""

from __future__ import annotations

from probee import Const, Hash, current, s32, u8, u64
from probee.errors import ProbeeError, UsageError
from probee.frame.options import Option, file_name, word
from probee.klib.ancestors import ancestor_consts, ancestor_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from probee.frame.container_names import Names
    from probee.frame.containers import Container
    from probee.frame.options import Values
    from probee.host.cgroups import CgroupTree
    from probee.klib.choices import Filter
    from probee.runtime.reuse import KeysOf
SEVERAL_CGROUPS = 1024
LEVELS = 64  # how far below the machine's root a wanted cgroup may lie
_SHOWN = 20  # containers named in an error

one_cgroup = Const(bool, False)
only_cgroup = Const(u64, 0)
only_cgroup_level = Const(s32, 0)
some_cgroups = Const(bool, False)
cgroup_levels = Const(u64, 0)  # bit n: one of the wanted cgroups lies at level n
cgroups = Hash(u64, u8, max_entries=SEVERAL_CGROUPS)
by_pinned_cgroups = Const(bool, False)
pinned_cgroups = Hash(u64, u8, max_entries=1)  # in its place stands the user's map


def cgroup_wanted() -> bool:
    """Whether the running task is in one of the cgroups asked for."""
    if one_cgroup and ancestor_id(only_cgroup_level) != only_cgroup:
        return False
    if some_cgroups and not below_some_cgroup():
        return False
    return not by_pinned_cgroups or current.cgroup_id in pinned_cgroups


def below_some_cgroup() -> bool:
    """Whether the task's cgroup, or one above it, is in `cgroups`."""
    for level in range(LEVELS):
        if cgroup_levels >> level == 0:
            break
        if cgroup_levels >> level & 1:
            id = ancestor_id(level)
            if id == 0:  # the task's own cgroup lies higher
                break
            if id in cgroups:
                return True
    return False


# ------------------------------------------------------------------------------------ user side

CGROUP_OPTIONS = (
    Option("cgroup", "", "PATH", "only this cgroup (v2) and all below it", file_name, many=True,
           commas=False, group="Filters", takes="file"),
    Option("container", "", "NAME", "only these containers, by name or id", word, many=True,
           group="Filters"),
    Option("cgroupmap", "", "PATH", "only cgroups whose ids are keys of this pinned map",
           file_name, group="Filters", takes="file"),
)  # fmt: skip


def cgroup_filter(values: Values) -> Filter:
    """Constants and map entries for `cgroup_wanted()`.

    Raises ProbeeError where there is no such cgroup or container, and where there are no cgroups.
    """
    consts: dict[Const[Any], Any] = {}
    fill: dict[Hash[Any, Any], dict[Any, Any]] = {}
    if values.cgroupmap is not None:
        consts[by_pinned_cgroups] = True
    if values.cgroup or values.container:
        from probee.host.cgroups import CgroupTree

        with CgroupTree() as tree:
            found = {path: _id(tree, path) for path in _paths(tree, values)}
            if len(found) > SEVERAL_CGROUPS:
                raise UsageError(f"more than {SEVERAL_CGROUPS} cgroups")
            levels = [_level(tree, path) for path in found]
        consts |= ancestor_consts()
        if len(found) == 1 and levels[0] is not None:
            consts[one_cgroup] = True
            consts[only_cgroup] = next(iter(found.values()))
            consts[only_cgroup_level] = levels[0]
        else:
            consts[some_cgroups] = True
            consts[cgroup_levels] = _mask(levels)
            fill[cgroups] = dict.fromkeys(found.values(), 1)
    return consts, fill


def cgroup_maps(values: Values) -> dict[Hash[Any, Any], KeysOf]:
    """The user's map in place of ours."""
    if values.cgroupmap is None:
        return {}
    from probee.runtime.reuse import KeysOf

    return {pinned_cgroups: KeysOf(values.cgroupmap)}


def _paths(tree: CgroupTree, values: Values) -> list[str]:
    """The cgroups asked for; of those asked for in two ways only what both ways mean."""
    asked = [tree.path(text) for text in values.cgroup]
    held = _containers(tree, values.container) if values.container else []
    for path in asked:
        _id(tree, path)
    if not asked or not held:
        return asked or held
    both = [a for a in asked for b in held if _is_below(a, b)]
    both += [b for b in held for a in asked if b != a and _is_below(b, a)]
    if not both:
        raise ProbeeError("no cgroup is part of what both --cgroup and --container ask for")
    return list(dict.fromkeys(both))


def _is_below(path: str, above: str) -> bool:
    """Whether `path` is `above` or part of it."""
    return path == above or path.startswith(f"{above.rstrip('/')}/")


def _id(tree: CgroupTree, path: str) -> int:
    found = tree.id_of(path)
    if found is None:
        where = f"below {tree.mount}" if tree.mount else "of the tree of version 2"
        raise ProbeeError(
            f"there is no cgroup {repr(path)[1:-1]}", hint=f"cgroups are the folders {where}"
        )
    return found


def _level(tree: CgroupTree, path: str) -> int | None:
    level = tree.level_of(path)
    if level is not None and level >= LEVELS:
        raise ProbeeError(f"cgroup {path} lies {level} levels deep, and {LEVELS - 1} is the most")
    return level


def _mask(levels: list[int | None]) -> int:
    """Bits for the levels; all of them where one is not known."""
    mask = 0
    for level in levels:
        mask |= (1 << LEVELS) - 1 if level is None else 1 << level
    return mask


def _containers(tree: CgroupTree, asked: tuple[str, ...]) -> list[str]:
    """The cgroups of the containers that were asked for by name or id."""
    from probee.frame.container_names import StateFiles
    from probee.frame.containers import container_of

    files = StateFiles()
    there: dict[str, tuple[Container, Names]] = {}
    for path, _ in tree.walk():
        found = container_of(path)
        if found is not None and found.cgroup not in there:
            there[found.cgroup] = found, files.names(found)
    return list(dict.fromkeys(one_container(text, list(there.values())) for text in asked))


def one_container(text: str, there: list[tuple[Container, Names]]) -> str:
    """The cgroup of the one container that `text` means.

    It is a name, POD/NAME, NAMESPACE/POD/NAME, an id, or the beginning of one. Raises ProbeeError
    where there is none such, or several.
    """
    matching = [c for c, names in there if text in {c.id, *_spellings(names)}]
    matching = matching or [c for c, _ in there if c.id.startswith(text)]
    if len(matching) == 1:
        return matching[0].cgroup
    shown = [_described(c, n) for c, n in there if not matching or c in matching]
    listed = ", ".join(shown[:_SHOWN]) + (", …" if len(shown) > _SHOWN else "")
    if matching:
        raise ProbeeError(f"{text!r} means several containers: {listed}", hint="give the id")
    hint = f"there are: {listed}" if shown else "no container is running here, by its cgroup"
    raise ProbeeError(f"there is no container {text!r}", hint=hint)


def _spellings(names: Names) -> tuple[str, ...]:
    if not names.name:
        return ()
    pods = (f"{names.pod}/{names.name}", f"{names.whole_pod}/{names.name}") if names.pod else ()
    return (names.name, *pods)


def _described(container: Container, names: Names) -> str:
    spellings = _spellings(names)
    return f"{spellings[-1]} ({container.short})" if spellings else container.short
