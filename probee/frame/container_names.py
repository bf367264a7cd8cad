"""Names of containers and pods, from the files in which runtimes keep their state.

In: a `Container`. Out: its names. No daemon is asked, and a name that cannot be found is "".

    docker             DATA_ROOT/containers/ID/config.v2.json
    containerd         the OCI bundle RUN/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json
    CRI-O              the OCI bundle /run/containers/storage/overlay-containers/ID/userdata
    podman, CRI-O      the list that both keep of what is stored, containers.json
    LXC, LXD, nspawn   the cgroup has the name

Kubernetes' names are annotations of the bundle (containerd, CRI-O) or labels (docker). The files
are read anew for each container, which is done once for each; another program may be writing them
at that moment, so one that is missing or half written is as good as none.
"""

from __future__ import annotations

import os

from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from probee.frame.containers import Container

_TASKS = "io.containerd.runtime.v2.task"
_CONTAINERD = (
    "run/containerd",
    "run/k3s/containerd",
    "run/k0s/containerd",
    "var/snap/microk8s/common/run/containerd",
    "run/docker/containerd/daemon",
)
_STORED = "storage/overlay-containers"
_NAMES = ("io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name")
_PODS = ("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name")
_NAMESPACES = ("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace")
_LARGEST = 16 << 20  # bytes of a state file


class Names(Frozen):
    """What a container is called; "" for what is not known. `namespace`: the pod's."""

    name: str = ""
    pod: str = ""
    namespace: str = ""

    @property
    def whole_pod(self) -> str:
        """`NAMESPACE/POD`, as kubectl has it."""
        return f"{self.namespace}/{self.pod}" if self.namespace and self.pod else self.pod


class StateFiles:
    """The runtimes' files below `root`."""

    def __init__(self, root: str = "/") -> None:
        self.root = root

    def names(self, container: Container) -> Names:
        """What the container and its pod are called."""
        if container.runtime in {"lxc", "nspawn"}:
            return Names(container.id)
        for labels, name in self._known(container.id):
            found = Names(
                _first(labels, _NAMES) or name, _first(labels, _PODS), _first(labels, _NAMESPACES)
            )
            if found != Names():
                return found
        return Names()

    def _known(self, id: str) -> Iterator[tuple[dict[str, Any], str]]:
        """Labels or annotations, and a name, from each file that knows of the container."""
        for folder in self._docker():
            state = self._read(f"{folder}/containers/{id}/config.v2.json")
            if state:
                yield _dict(_dict(state.get("Config")).get("Labels")), _text(state.get("Name"))
        for path in self._bundles(id):
            yield _dict(self._read(path).get("annotations")), ""
        for path in self._stores():
            for row in self._read_rows(path):
                if row.get("id") == id:
                    names = row.get("names")
                    first = names[0] if isinstance(names, list) and names else ""
                    yield {}, _text(first)

    def _docker(self) -> Iterator[str]:
        yield "var/lib/docker"
        other = _text(self._read("etc/docker/daemon.json").get("data-root"))
        if other:
            yield other
        yield "var/snap/docker/common/var-lib-docker"

    def _bundles(self, id: str) -> Iterator[str]:
        for folder in _CONTAINERD:
            for namespace in self._folders(f"{folder}/{_TASKS}"):
                yield f"{folder}/{_TASKS}/{namespace}/{id}/config.json"
        yield f"run/containers/{_STORED}/{id}/userdata/config.json"

    def _stores(self) -> Iterator[str]:
        yield f"var/lib/containers/{_STORED}/containers.json"
        for home in ("root", *(f"home/{user}" for user in self._folders("home"))):
            yield f"{home}/.local/share/containers/{_STORED}/containers.json"

    def _folders(self, path: str) -> list[str]:
        try:
            return sorted(os.listdir(self._path(path)))
        except OSError:  # that runtime is not in use here
            return []

    def _path(self, path: str) -> str:
        return os.path.join(self.root, path.lstrip("/"))

    def _read(self, path: str) -> dict[str, Any]:
        return _dict(self._parsed(path))

    def _read_rows(self, path: str) -> list[dict[str, Any]]:
        rows = self._parsed(path)
        return [_dict(row) for row in rows] if isinstance(rows, list) else []

    def _parsed(self, path: str) -> Any:
        from json import loads

        try:
            with open(self._path(path), "rb") as file:
                return loads(file.read(_LARGEST))
        except (OSError, ValueError, RecursionError):  # not there, or being written
            return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value.removeprefix("/") if isinstance(value, str) else ""


def _first(labels: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((text for key in keys if (text := _text(labels.get(key)))), "")
