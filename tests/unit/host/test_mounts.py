"""Paths in file systems as paths of this namespace: what is mounted, and what stands in front."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from probee.host.mounts import Mounts, mounts_of

if TYPE_CHECKING:
    from pathlib import Path

TABLE = rb"""
20 1 8:1 / / rw - ext4 /dev/sda1 rw
21 20 8:2 / /home rw - ext4 /dev/sda2 rw
22 20 0:30 / /tmp rw - tmpfs tmpfs rw
23 20 8:1 /srv/data /mnt/my\040data rw - ext4 /dev/sda1 rw
24 21 0:31 / /home/a rw - tmpfs tmpfs rw
25 24 0:32 / /home/a rw - tmpfs tmpfs rw
26 20 0:33 /merged /var/lib/one rw - overlay overlay rw
27 20 0:34 / /var rw - tmpfs tmpfs rw
28 22 8:2 /b/c /tmp/c rw - ext4 /dev/sda2 rw
"""


def device(major: int, minor: int) -> int:
    return major << 20 | minor


@pytest.mark.parametrize(
    ("where", "path", "found"),
    [
        ((8, 1), b"/etc/passwd", b"/etc/passwd"),
        ((8, 1), b"/", b"/"),
        ((8, 1), b"/srv/data/f", b"/srv/data/f"),
        ((8, 1), b"/home/f", None),  # under another mount
        ((8, 1), b"/homes/f", b"/homes/f"),
        ((8, 2), b"/x", b"/home/x"),
        ((8, 2), b"/a/x", None),
        ((8, 2), b"/b/c/x", b"/home/b/c/x"),
        ((0, 31), b"/x", None),  # under one that was mounted on top of it
        ((0, 32), b"/x", b"/home/a/x"),
        ((0, 32), b"/", b"/home/a"),
        ((0, 33), b"/merged/etc/f", None),  # under /var, which was mounted later
        ((0, 33), b"/other", None),
        ((0, 99), b"/x", None),
    ],
)
def test_find(tmp_path: Path, where: tuple[int, int], path: bytes, found: bytes | None) -> None:
    table = tmp_path / "mountinfo"
    table.write_bytes(TABLE.strip())
    assert Mounts(str(table)).find(device(*where), path) == found


def test_what_is_hidden_is_found_elsewhere(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_bytes(TABLE.strip() + b"\n29 20 0:35 / /srv rw - tmpfs tmpfs rw\n")
    assert Mounts(str(table)).find(device(8, 1), b"/srv/data/f") == b"/mnt/my data/f"


def test_escapes() -> None:
    (mount,) = mounts_of([rb"1 1 0:1 /a\134040 /b\011\012\040\134 rw - x y z"])
    assert (mount.root, mount.point) == (rb"/a\040", b"/b\t\n \\")


def test_this_machine() -> None:
    """Every directory on the way here is found by its file system and its path in that."""
    with open("/proc/self/mountinfo", "rb") as file:
        mounts = mounts_of(file)
    here = Mounts()
    for mount in mounts:
        major, minor = map(int, mount.device.split(b":"))
        found = here.find(device(major, minor), mount.root)
        if found is not None:
            assert os.stat(found).st_ino == os.stat(mount.point).st_ino
    assert any(mount.point == b"/" for mount in mounts)
