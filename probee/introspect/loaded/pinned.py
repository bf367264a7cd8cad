"""Where objects are pinned: every bpf file system in /proc/mounts in, paths by id out."""

from __future__ import annotations

import os
from errno import EACCES

from probee.errors import KernelError
from probee.host.bpf import obj_get
from probee.host.info import LINK, MAP, PROGRAM, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# What the link of an opened pin says. BTF cannot be pinned.
_KINDS = {"bpf-prog": ("PROG", PROGRAM), "bpf-map": ("MAP", MAP)}
_LINKS = ("bpf_link", "bpf-link")


def kind_of(fd: int) -> str:
    """`PROG`, `MAP` or `LINK`, or "" for a descriptor of something else."""
    try:
        target = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""
    name = target.removeprefix("anon_inode:")
    return "LINK" if name in _LINKS else _KINDS.get(name, ("", None))[0]


def pins(kind: str) -> Iterator[tuple[int, str]]:
    """(id, path) of every pin of a kind, in the order of the mounts and of their directories."""
    return Pins().of(kind)


class Pins:
    """Walks over the pins. `why_not`: why some may not have been seen, or ""."""

    __slots__ = ("why_not",)

    def __init__(self) -> None:
        self.why_not = "" if _mounts() else "no bpf file system is mounted here"

    def of(self, kind: str) -> Iterator[tuple[int, str]]:
        """(id, path) of every pin of a kind."""
        for mount in _mounts():
            for path in self._files(mount):
                try:
                    fd = obj_get(path)
                except KernelError as error:  # another kind of file, or gone, or not ours to open
                    if error.errno == EACCES:
                        self._refused(path)
                    continue
                try:
                    if kind_of(fd) == kind:
                        layout = {"PROG": PROGRAM, "MAP": MAP, "LINK": LINK}[kind]
                        yield read(fd, layout)[0]["id"], path
                finally:
                    os.close(fd)

    def _files(self, folder: str) -> Iterator[str]:
        try:
            entries = list(os.scandir(folder))
        except PermissionError:
            self._refused(folder)
            return
        except OSError:
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from self._files(entry.path)
            elif entry.is_file(follow_symlinks=False):
                yield entry.path

    def _refused(self, path: str) -> None:
        self.why_not = f"needs CAP_DAC_OVERRIDE, or the rights to {path}"


def _mounts() -> list[str]:
    with open("/proc/mounts", "rb", buffering=0) as file:
        lines = file.readall().decode("utf-8", "surrogateescape").split("\n")
    rows = [line.split(" ") for line in lines]
    return [_unescaped(row[1]) for row in rows if len(row) > 2 and row[2] == "bpf"]


def _unescaped(text: str) -> str:
    r"""The kernel writes blanks, tabs, newlines and backslashes of a path as \040 and so on."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text


def on_bpffs(path: str) -> bool:
    """Whether the folder of `path` lies on a bpf file system, by the mount that holds it."""
    folder = os.path.realpath(os.path.dirname(path) or ".")
    try:
        device = os.stat(folder).st_dev
    except OSError:
        return False
    return any(os.stat(mount).st_dev == device for mount in _mounts())
