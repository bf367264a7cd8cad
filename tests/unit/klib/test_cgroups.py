"""Filters on cgroups and containers: the command line becomes constants and entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from probee.errors import ProbeeError, UsageError
from probee.frame.container_names import Names, StateFiles
from probee.frame.containers import Container
from probee.frame.options import parse
from probee.frame.tool import Plan
from probee.host import cgroups as host
from probee.klib import cgroups, filters

if TYPE_CHECKING:
    from collections.abc import Iterator

A, B = "0123456789abcdef" * 4, "fedcba9876543210" * 4
C = A[:10] + "f" * 54
THERE = {
    "/": 1, "/a": 2, "/a/b": 3, f"/a/docker-{A}.scope": 4, f"/a/docker-{A}.scope/in": 5,
    f"/docker-{B}.scope": 6, "/" + "/".join("x" * 64): 7,
}  # fmt: skip


class Tree:
    """A tree of cgroups that is no more than THERE."""

    mount = "/sys/fs/cgroup"
    _mounts = [("/sys/fs/cgroup", "/")]
    base: int | None = 0

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    path = host.CgroupTree.path
    level_of = host.CgroupTree.level_of

    def id_of(self, path: str) -> int | None:
        return THERE.get(path)

    def walk(self) -> Iterator[tuple[str, int]]:
        return iter(THERE.items())


@pytest.fixture(autouse=True)
def _tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "CgroupTree", Tree)
    monkeypatch.setattr(StateFiles, "names", lambda *_: Names())


def asked(*words: str) -> tuple[dict[Any, Any], dict[Any, Any]]:
    values, _ = parse(filters.FILTER_OPTIONS, words)
    return cgroups.cgroup_filter(values)


def test_one_is_a_constant() -> None:
    one, only, level = cgroups.one_cgroup, cgroups.only_cgroup, cgroups.only_cgroup_level
    assert asked() == ({}, {})
    for text in ("a/b", "/a/b/", "/sys/fs/cgroup/a/b", "./a//b"):
        assert asked("--cgroup", text) == ({one: True, only: 3, level: 2}, {})
    assert asked("--cgroup", "/sys/fs/cgroup") == ({one: True, only: 1, level: 0}, {})
    assert asked("--container", A[:7]) == ({one: True, only: 4, level: 2}, {})


def test_several_are_a_map_and_levels() -> None:
    consts, fill = asked("--cgroup", "a/b", "--cgroup", f"docker-{B}.scope", "--cgroup=/")
    assert consts == {cgroups.some_cgroups: True, cgroups.cgroup_levels: 0b111}
    assert fill == {cgroups.cgroups: {3: 1, 6: 1, 1: 1}}


def test_without_a_level_all_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tree, "base", None)
    assert asked("--cgroup", "a") == (
        {cgroups.some_cgroups: True, cgroups.cgroup_levels: (1 << 64) - 1},
        {cgroups.cgroups: {2: 1}},
    )


def test_cgroups_and_containers_must_both_hold() -> None:
    only = cgroups.only_cgroup
    assert asked("--cgroup", "a", "--container", A)[0][only] == 4
    assert asked("--cgroup", f"/a/docker-{A}.scope/in", "--container", A)[0][only] == 5
    with pytest.raises(ProbeeError, match="what both --cgroup and --container"):
        asked("--cgroup", "a", "--container", B)


def test_refusals() -> None:
    with pytest.raises(ProbeeError, match=r"no cgroup /none\n.*below /sys/fs/cgroup"):
        asked("--cgroup", "none")
    with pytest.raises(ProbeeError, match="64 levels deep, and 63 is the most"):
        asked("--cgroup", "/".join("x" * 64))
    with pytest.raises(UsageError, match="the name is empty"):
        asked("--container", "")


ROWS = [
    (Container(A, "docker", "/one"), Names("web")),
    (Container(B, "containerd", "/two"), Names("app", "web-1", "prod")),
    (Container(C, "containerd", "/three"), Names("app", "web-2", "prod")),
    (Container("box", "lxc", "/four"), Names("box")),
]


@pytest.mark.parametrize(
    ("text", "cgroup"),
    [
        ("web", "/one"), (A, "/one"), (A[:11], "/one"), ("web-1/app", "/two"), ("box", "/four"),
        ("prod/web-2/app", "/three"), (B[:3], "/two"),
    ],
)  # fmt: skip
def test_one_container(text: str, cgroup: str) -> None:
    assert cgroups.one_container(text, ROWS) == cgroup


def test_containers_that_are_not_one() -> None:
    with pytest.raises(
        ProbeeError, match=r"'app' means several.*prod/web-1/app \(fedcba987654\), prod/web-2"
    ):
        cgroups.one_container("app", ROWS)
    with pytest.raises(ProbeeError, match="means several"):
        cgroups.one_container(A[:10], ROWS)  # of A and of C
    with pytest.raises(ProbeeError, match=r"no container 'x'\n  there are: web \(0123456789ab\),"):
        cgroups.one_container("x", ROWS)
    with pytest.raises(ProbeeError, match="no container is running here"):
        cgroups.one_container("x", [])


def test_the_plan_has_all_filters() -> None:
    values, _ = parse(filters.FILTER_OPTIONS, ["-u", "7", "--cgroup", "a", "--cgroupmap", "/m"])
    plan = filters.filtered(values, Plan((), cgroups.cgroups, {}))  # type: ignore[arg-type]
    assert {cgroups.only_cgroup: 2, cgroups.by_pinned_cgroups: True}.items() <= plan.consts.items()
    assert plan.reuse[cgroups.pinned_cgroups].map == "/m"


def test_the_mount_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    rows = [
        "10 1 0:1 / /sys/fs/cgroup/memory rw shared:1 - cgroup cgroup rw,memory",
        "11 1 0:2 /system.slice /mnt/part rw - cgroup2 none rw",
        r"12 1 0:2 / /mnt/my\040cgroups\134x rw shared:7 master:1 - cgroup2 none rw",
        "13 1 0:3 / /mnt/fake rw - ext4 /dev/cgroup2 rw",
    ]
    table = tmp_path / "mountinfo"
    table.write_text("".join(f"{row}\n" for row in rows))
    monkeypatch.setattr("builtins.open", lambda *_, real=open: real(table, "rb"))
    assert host._mounted() == [("/mnt/my cgroups\\x", "/"), ("/mnt/part", "/system.slice")]
    table.write_text(rows[1])
    assert host._mounted() == [("/mnt/part", "/system.slice")]
    table.write_text(rows[0])
    assert host._mounted() == [("", "/")]
    # A chroot's, whose name comes first and which was mounted last.
    table.write_text(
        "".join(f"14 1 0:2 / {at} rw - cgroup2 none rw\n" for at in ("/sys/x", "/a/x"))
    )
    assert host._mounted() == [("/sys/x", "/"), ("/a/x", "/")]


@pytest.mark.parametrize(
    ("text", "below"),
    [
        ("/sys/x", ""),
        ("/sys/x/a/b", "/a/b"),
        ("/chroot/x/a", "/a"),
        ("/part/b", "/system.slice/b"),
        ("/sys/x/deep/c", "/system.slice/c"),
        ("/a", "/a"),
        ("/sys/xy", "/sys/xy"),
    ],
)
def test_a_folder_under_any_mount(text: str, below: str) -> None:
    mounts = [("/sys/x", "/"), ("/chroot/x", "/"), ("/part", "/system.slice")]
    assert host._below_mount(text, [*mounts, ("/sys/x/deep", "/system.slice")]) == below


def test_what_a_namespace_does_not_show() -> None:
    mounts = [("/sys/x", "/mine"), ("/other", "/theirs")]
    assert host._below_mount("/other/a", mounts) == "/other/a"
    assert host._below_mount("/sys/x/a", mounts) == "/a"
