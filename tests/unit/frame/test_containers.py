"""Containers and pods: found in the paths of cgroups, named by the runtimes' files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from probee.frame.container_columns import Containers
from probee.frame.container_names import Names, StateFiles
from probee.frame.containers import Container, container_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A, B = "0123456789abcdef" * 4, "fedcba9876543210" * 4
UID = "12345678-9abc-def0-1234-56789abcdef0"
UNIT = f"kubepods-burstable-pod{UID.replace('-', '_')}.slice"
TASKS = "run/containerd/io.containerd.runtime.v2.task"


@pytest.mark.parametrize(
    ("path", "id", "runtime", "pod"),
    [
        (f"/docker/{A}", A, "docker", ""),
        (f"/system.slice/docker-{A}.scope", A, "docker", ""),
        (f"/system.slice/docker-{A}.scope/init.scope/x", A, "docker", ""),
        (f"/docker/{A}/docker/{B}", B, "docker", ""),
        (f"/machine.slice/libpod-{A}.scope/container", A, "podman", ""),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope", A, "podman",
         ""),
        (f"/libpod_parent/libpod-{A}", A, "podman", ""),
        (f"/kubepods.slice/kubepods-burstable.slice/{UNIT}/cri-containerd-{A}.scope", A,
         "containerd", UID),
        (f"/kubepods.slice/{UNIT}/crio-{A}.scope", A, "crio", UID),
        (f"/kubepods/besteffort/pod{UID}/{A}", A, "", UID),
        (f"/kubepods/pod{UID.replace('-', '')}/{A}", A, "", UID.replace("-", "")),
        (f"/system.slice/nerdctl-{A}.scope", A, "containerd", ""),
        (f"/default/{A}", A, "", ""),
        (f"/ecs/{'ab' * 16}/{'ab' * 16}-0123456789", f"{'ab' * 16}-0123456789", "ecs", ""),
        (f"/ecs/{'ab' * 16}/{A}", A, "", ""),
        ("/lxc.payload.web/system.slice/x.service", "web", "lxc", ""),
        ("/lxc/web", "web", "lxc", ""),
        ("/machine.slice/machine-my\\x2dbox.scope/payload", "my-box", "nspawn", ""),
        ("/machine.slice/systemd-nspawn@box.service", "box", "nspawn", ""),
    ],
)  # fmt: skip
def test_paths_of_containers(path: str, id: str, runtime: str, pod: str) -> None:
    found = container_of(path)
    assert found is not None
    assert (found.id, found.runtime, found.pod_uid) == (id, runtime, pod)
    assert path == found.cgroup or path.startswith(f"{found.cgroup}/")
    assert found.short == (id[:12] if len(id) == 64 else id)


@pytest.mark.parametrize(
    "path",
    [
        "/", "/init.scope", "/system.slice/docker.service", "/docker", "/lxc", "/ecs",
        f"/machine.slice/libpod-conmon-{A}.scope", f"/kubepods.slice/{UNIT}/crio-conmon-{A}.scope",
        f"/kubepods.slice/{UNIT}", f"/docker/{A[:63]}", f"/docker/{A.upper()}", f"/x{A}",
        "/lxc.monitor.web", "/lxc.payload.", "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope",
        "/user.slice/user-1000.slice", f"/x/{'ab' * 16}-0123456789",
    ],
)  # fmt: skip
def test_paths_of_none(path: str) -> None:
    assert container_of(path) is None


def write(root: Path, path: str, content: Any) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content if isinstance(content, str) else json.dumps(content))


def names(root: Path, id: str = A, runtime: str = "") -> Names:
    return StateFiles(str(root)).names(Container(id, runtime, f"/x/{id}"))


CRI = {
    "annotations": {
        "io.kubernetes.cri.container-name": "app",
        "io.kubernetes.cri.sandbox-name": "web-7d4",
        "io.kubernetes.cri.sandbox-namespace": "prod",
    }
}


def test_names_of_docker(tmp_path: Path) -> None:
    write(tmp_path, f"var/lib/docker/containers/{A}/config.v2.json", {"Name": "/web", "Config": {}})
    assert names(tmp_path) == Names("web")
    assert names(tmp_path, B) == Names()
    write(tmp_path, "etc/docker/daemon.json", {"data-root": "/data/docker"})
    labels = {"io.kubernetes.container.name": "app", "io.kubernetes.pod.name": "web-7d4"}
    state = {"Name": "/k8s_app_web", "Config": {"Labels": labels}}
    write(tmp_path, f"data/docker/containers/{B}/config.v2.json", state)
    assert names(tmp_path, B) == Names("app", "web-7d4", "")
    assert names(tmp_path, B).whole_pod == "web-7d4"


def test_names_of_containerd(tmp_path: Path) -> None:
    write(tmp_path, f"{TASKS}/k8s.io/{A}/config.json", CRI)
    write(tmp_path, f"{TASKS}/default/{B}/config.json", {"annotations": {"nerdctl/name": "db"}})
    assert names(tmp_path) == Names("app", "web-7d4", "prod")
    assert names(tmp_path).whole_pod == "prod/web-7d4"
    assert names(tmp_path, B) == Names("db")


def test_names_of_podman_and_crio(tmp_path: Path) -> None:
    stored = [{"id": B, "names": ["other"]}, {"id": A, "names": ["web", "alias"]}, 7]
    write(tmp_path, "home/ann/.local/share/containers/storage/overlay-containers/containers.json",
          stored)  # fmt: skip
    assert names(tmp_path) == Names("web")
    bundle = f"run/containers/storage/overlay-containers/{A}/userdata/config.json"
    labels = {"io.kubernetes.container.name": "app", "io.kubernetes.pod.namespace": "prod"}
    write(tmp_path, bundle, {"annotations": {**labels, "io.kubernetes.pod.name": "web-7d4"}})
    assert names(tmp_path) == Names("app", "web-7d4", "prod")


def test_runtimes_whose_cgroups_have_the_name(tmp_path: Path) -> None:
    assert names(tmp_path, "web", "lxc") == names(tmp_path, "web", "nspawn") == Names("web")


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", "7", '{"Name": 7}', '{"Config": []}', "\0", "[" * 100_000]
)
def test_state_that_is_not_as_it_should_be(tmp_path: Path, content: str) -> None:
    write(tmp_path, f"var/lib/docker/containers/{A}/config.v2.json", content)
    write(tmp_path, f"{TASKS}/k8s.io/{A}/config.json", content)
    write(tmp_path, "var/lib/containers/storage/overlay-containers/containers.json", content)
    assert names(tmp_path) == Names()


class Tree:
    """Cgroups by id; those of `late` come into being after the first look."""

    def __init__(self, there: dict[int, str], late: dict[int, str]) -> None:
        self.there, self.late, self.asked = there, late, [0]

    def walk(self) -> Iterator[tuple[str, int]]:
        return ((path, id) for id, path in self.there.items())

    def path_of(self, id: int) -> str | None:
        self.asked.append(id)
        return self.late.get(id)


def test_columns(tmp_path: Path) -> None:
    write(tmp_path, f"{TASKS}/k8s.io/{A}/config.json", CRI)
    write(tmp_path, f"var/lib/docker/containers/{B}/config.v2.json", {"Name": "/a\x1bb"})
    pod = f"/kubepods.slice/{UNIT}/cri-containerd-{A}.scope"
    lost = f"/kubepods.slice/{UNIT}/cri-containerd-{'0' * 64}.scope"
    tree = Tree({1: "/", 2: pod}, {3: f"/docker/{B}", 4: lost})
    known = Containers(tree, StateFiles(str(tmp_path)))  # type: ignore[arg-type]
    assert [(known.text(i), known.pod_text(i)) for i in range(1, 6)] == [
        ("-", "-"), ("app", "prod/web-7d4"), ("a\\x1bb", "-"), ("0" * 12, UID), ("?", "?"),
    ]  # fmt: skip
    assert [(known.name(i), known.pod(i), known.whole_id(i)) for i in range(1, 6)] == [
        (None, None, None), ("app", "prod/web-7d4", A), ("a\x1bb", None, B), (None, UID, "0" * 64),
        (None, None, None),
    ]  # fmt: skip
    assert known.path(2) == pod
    assert tree.asked == [0, 3, 4, 5]  # each once
    (tmp_path / TASKS / "k8s.io" / A / "config.json").unlink()
    assert known.text(2) == "app"  # what was learned stays
