"""The shared filters on the running kernel: what they let through, and that it is nothing else."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from probee.host import bpf
from probee.uapi.bpf import BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH
from tests.kernel.opensnoop_support import VARIANTS, Snoop, Words, Worker
from tests.support import Cgroup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support import Spawn

pytestmark = pytest.mark.kernel

ID = "0123456789abcdef" * 4


@contextmanager
def below(parent: Cgroup, *names: str) -> Iterator[list[Cgroup]]:
    """Cgroups inside `parent`; a name with slashes makes those above it too."""
    made: dict[str, Cgroup] = {}
    for name in names:
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join((parent.path, *parts[:depth]))
            if path not in made:
                os.mkdir(path)
                made[path] = Cgroup(path)
    try:
        yield [made[f"{parent.path}/{name}"] for name in names]
    finally:
        for group in reversed(made.values()):
            group.remove()


def opens(snoop: Snoop, *workers: Worker) -> list[int]:
    """How many rows each worker's 20 opens gave; the snoop must see the first worker."""
    snoop.wait_for(workers[0])
    for worker in workers:
        worker.do("for i in range(20): openat(b'/no/%d' % i)")
    assert snoop.end() == 0
    assert snoop.error_text == "probee opensnoop: 0 events lost\n"
    rows = snoop.rows()
    pids = [row["pid"] for row in rows]
    counts = [pids.count(worker.pid) for worker in workers]
    assert sum(counts) == len(rows), "somebody else's rows"
    return counts


@VARIANTS
def test_a_cgroup_and_what_is_below_it(spawn: Spawn, cgroup: Cgroup, variant: Words) -> None:
    workers = [Worker(spawn) for _ in range(4)]
    with below(cgroup, "a", "a/b/c", "ab") as (a, deep, beside):
        for group, worker in zip((deep, a, beside, cgroup), workers, strict=True):
            group.add(worker.pid)
        snoop = Snoop(spawn, "--cgroup", a.path, "--json", *variant)
        assert opens(snoop, *workers) == [20, 20, 0, 0]


def test_several_cgroups(spawn: Spawn, cgroup: Cgroup) -> None:
    workers = [Worker(spawn) for _ in range(4)]
    with below(cgroup, "a", "b/c/d/e", "b/c") as (first, deep, second):
        for group, worker in zip((deep, first, cgroup, second), workers, strict=True):
            group.add(worker.pid)
        name = os.path.basename(cgroup.path)
        snoop = Snoop(spawn, "--cgroup", f"/{name}/a", "--cgroup", f"{name}/b/c/d", "--json")
        assert opens(snoop, *workers) == [20, 20, 0, 0]


def test_inside_a_cgroup_namespace(spawn: Spawn, cgroup: Cgroup) -> None:
    """Its root is not the machine's, so that no level is known."""
    workers = [Worker(spawn) for _ in range(2)]
    with below(cgroup, "inner/deep", "other") as (deep, other):
        deep.add(workers[0].pid)
        other.add(workers[1].pid)
        enter = 'echo $$ > "$0/cgroup.procs" && exec unshare --cgroup --mount "$@"'
        mount = 'umount "$0" && mount -t cgroup2 none "$0" && exec "$@"'
        point = os.path.dirname(cgroup.path)
        snoop = Snoop(
            spawn, "--cgroup", "/inner", "--json",
            under=("sh", "-c", enter, cgroup.path, "sh", "-c", mount, point),
        )  # fmt: skip
        assert opens(snoop, *workers) == [20, 0]


def test_where_no_cgroups_are_mounted(spawn: Spawn, cgroup: Cgroup) -> None:
    workers = [Worker(spawn) for _ in range(2)]
    cgroup.add(workers[0].pid)
    point = os.path.dirname(cgroup.path)
    snoop = Snoop(
        spawn, "--cgroup", os.path.basename(cgroup.path), "--json",
        under=("unshare", "--mount", "sh", "-c", 'umount "$0" && exec "$@"', point),
    )  # fmt: skip
    assert opens(snoop, *workers) == [20, 0]


def test_a_container_by_its_id(spawn: Spawn, cgroup: Cgroup) -> None:
    workers = [Worker(spawn) for _ in range(3)]
    other = ID[::-1]
    with below(cgroup, f"docker-{ID}.scope/init", f"docker-{other}.scope") as (inside, beside):
        inside.add(workers[0].pid)
        beside.add(workers[1].pid)
        snoop = Snoop(spawn, "--container", ID[:12], "--json")
        assert opens(snoop, *workers) == [20, 0, 0]
        both = Snoop(spawn, "--container", ID, "--cgroup", beside.path)
        assert both.wait() == 1
        assert "no cgroup is part of what both" in both.error_text
        unknown = Snoop(spawn, "--container", "no-such-container")
        assert unknown.wait() == 1
        assert "there is no container 'no-such-container'" in unknown.error_text
        assert ID[:12] in unknown.error_text
        assert other[:12] in unknown.error_text


def test_container_columns(spawn: Spawn, cgroup: Cgroup) -> None:
    workers = [Worker(spawn) for _ in range(2)]
    uid = "12345678-9abc-def0-1234-56789abcdef0"
    pod = f"kubepods-besteffort-pod{uid.replace('-', '_')}.slice"
    cgroup.add(workers[0].pid)
    pids = ",".join(str(worker.pid) for worker in workers)
    snoop = Snoop(spawn, "-p", pids, "--containers", "--json")
    snoop.wait_for(workers[0])
    with below(cgroup, f"{pod}/cri-containerd-{ID}.scope") as (inside,):  # later than the tool
        inside.add(workers[1].pid)
        workers[1].do("openat(b'/no/container')")
        workers[0].do("openat(b'/no/host')")
        deadline = time.monotonic() + 60
        while not any(b"/no/host" in line for line in snoop.lines):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert snoop.end() == 0
    rows = {row["path"]: row for row in snoop.rows()}
    keys = ("container", "container_id", "pod", "cgroup")
    base = cgroup.path.removeprefix(os.path.dirname(cgroup.path))
    assert [rows["/no/container"][key] for key in keys] == [
        None, ID, uid, f"{base}/{pod}/cri-containerd-{ID}.scope",
    ]  # fmt: skip
    assert [rows["/no/host"][key] for key in keys] == [None, None, None, base]


@contextmanager
def pinned(folder: Path, key_size: int, *keys: int, kind: int = BPF_MAP_TYPE_HASH) -> Iterator[str]:
    """A map that was pinned, in a bpf file system of the test's own."""
    subprocess.run(["mount", "-t", "bpf", "bpf", str(folder)], check=True)
    try:
        fd = bpf.map_create(kind, key_size, 8, 16)
        try:
            for key in keys:
                bpf.map_update(fd, key.to_bytes(key_size, "little"), bytes(8))
            bpf.obj_pin(fd, f"{folder}/map")
        finally:
            os.close(fd)
        yield f"{folder}/map"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_pinned_map_of_cgroups(spawn: Spawn, cgroup: Cgroup, tmp_path: Path) -> None:
    workers = [Worker(spawn) for _ in range(3)]
    with below(cgroup, "a", "b", "a/c") as (first, second, deep):
        for group, worker in zip((first, second, deep), workers, strict=True):
            group.add(worker.pid)
        with pinned(tmp_path, 8, first.id, second.id) as path:
            snoop = Snoop(spawn, "--cgroupmap", path, "--json")
            assert opens(snoop, *workers) == [20, 20, 0]


@pytest.mark.parametrize(
    ("kind", "key_size", "why"),
    [
        (BPF_MAP_TYPE_HASH, 4, "its keys have 4 bytes, not 8"),
        (BPF_MAP_TYPE_ARRAY, 4, "it is of type array, and hash or"),
    ],
)
def test_another_kind_of_pinned_map(
    spawn: Spawn, tmp_path: Path, kind: int, key_size: int, why: str
) -> None:
    with pinned(tmp_path, key_size, kind=kind) as path:
        snoop = Snoop(spawn, "--cgroupmap", path)
        assert snoop.wait() == 1
    assert f"the map pinned at {path} cannot be used as pinned_cgroups: {why}" in snoop.error_text


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--cgroup", "/no/such"), "there is no cgroup /no/such"),
        (("--cgroup", "../x"), "'../x' is no path of a cgroup"),
        (("--cgroupmap", "/no/such/map"), "BPF_OBJ_GET) for /no/such/map: ENOENT"),
    ],
)
def test_what_is_not_there(spawn: Spawn, words: Any, what: str) -> None:
    snoop = Snoop(spawn, *words)
    assert snoop.wait() == 1
    assert what in snoop.error_text


def test_users_by_name(spawn: Spawn) -> None:
    worker, other = Worker(spawn), Worker(spawn)
    worker.do("import pwd; os.setuid(pwd.getpwnam('nobody').pw_uid)")
    snoop = Snoop(spawn, "-u", "nobody", "--user", "-U", "--json")
    assert opens(snoop, worker, other) == [20, 0]
    assert {(row["user"], row["uid"]) for row in snoop.rows()} == {("nobody", 65534)}
