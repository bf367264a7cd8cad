"""Columns of containers and pods: from the id of a cgroup that a record holds.

In: the record's `cgroup`, as `current.cgroup_id` gives it. Out: CONTAINER and POD; JSON and CSV
have the container's whole id and the cgroup's path too.

What is there when the tool begins is learned then, and a new cgroup when its first row is shown,
some milliseconds after the event. One that is gone by then is `?`: null in JSON.
"""

from __future__ import annotations

from probee.frame.columns import Column
from probee.frame.container_names import Names, StateFiles
from probee.frame.containers import Container, container_of
from probee.frame.text import escape
from probee.host.cgroups import CgroupTree

UNKNOWN, NONE = "?", "-"
_REMEMBERED = 65_536


class Containers:
    """The containers of this machine by the ids of cgroups, each looked up once."""

    def __init__(self, tree: CgroupTree, files: StateFiles) -> None:
        self.tree, self.files = tree, files
        self._paths: dict[int, str | None] = {id: path for path, id in tree.walk()}
        self._names: dict[str, Names] = {}
        for path in self._paths.values():
            self._look_up(path)

    def path(self, id: int) -> str | None:
        """The path of a cgroup, None where it was gone before it was seen."""
        if id not in self._paths:
            if len(self._paths) >= _REMEMBERED:
                self._paths.clear()
                self._names.clear()
            self._paths[id] = self.tree.path_of(id)
        return self._paths[id]

    def container(self, id: int) -> Container | None:
        """The container that a cgroup is of; None where it is of none, or is gone."""
        path = self.path(id)
        return None if path is None else container_of(path)

    def names(self, container: Container) -> Names:
        """What it and its pod are called."""
        if container.cgroup not in self._names:
            self._names[container.cgroup] = self.files.names(container)
        return self._names[container.cgroup]

    def _look_up(self, path: str | None) -> None:
        found = container_of(path) if path is not None else None
        if found is not None:
            self.names(found)

    def text(self, id: int) -> str:
        """CONTAINER: the name, else the beginning of the id; `-` outside of containers."""
        found = self.container(id)
        if found is None:
            return UNKNOWN if self.path(id) is None else NONE
        return _safe(self.names(found).name or found.short)

    def pod_text(self, id: int) -> str:
        """POD: NAMESPACE/NAME, else the pod's uid; `-` outside of pods."""
        return UNKNOWN if self.path(id) is None else _safe(self.pod(id) or NONE)

    def name(self, id: int) -> str | None:
        """The container's name, None where it has none that is known."""
        found = self.container(id)
        return None if found is None else self.names(found).name or None

    def whole_id(self, id: int) -> str | None:
        """The container's id."""
        found = self.container(id)
        return None if found is None else found.id

    def pod(self, id: int) -> str | None:
        """The pod, by name if that is known, else by uid."""
        found = self.container(id)
        return None if found is None else self.names(found).whole_pod or found.pod_uid or None


def _safe(text: str) -> str:
    return escape(text.encode("utf-8", "surrogateescape"))


def container_columns() -> tuple[Column, ...]:
    """The columns, over all that is there now. Raises where cgroups cannot be read."""
    known = Containers(CgroupTree(), StateFiles())
    return (
        Column("container", "CONTAINER", "cgroup", 16, text=known.text, value=known.name),
        Column("container_id", "", "cgroup", value=known.whole_id),
        Column("pod", "POD", "cgroup", 24, text=known.pod_text, value=known.pod),
        Column("cgroup", "", "cgroup", value=known.path),
    )
