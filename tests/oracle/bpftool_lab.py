"""Loaded objects of the tests' own, and the comparison with bpftool 7.5 and 7.1 on them.

In: objects of tests/objects, raw maps and programs, devices. Out: `Lab.same(words)`, which runs
bpftool and probee with the same words at the same moment, as text, JSON and indented JSON, and
demands equal bytes. Bpftool of the distribution knows no `pids`: these are taken out of probee's
before, and tested apart. A comparison is tried again where only the moment differed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from probee.asm import make as m
from probee.asm.encode import encode
from probee.host import bpf
from tests.oracle.bpftool_older import as_7_1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

ROOT = Path(__file__).parents[2]
PROBEE = "import sys; sys.path.insert(0, '.'); from probee.__main__ import run; run()"
FORMS = ((), ("-j",), ("-p",))
RETURN_0 = encode([m.mov64_imm(0, 0), m.exit_()])
RETURN_1 = encode([m.mov64_imm(0, 1), m.exit_()])
_PIDS_TEXT = re.compile(r"\n\tpids [^\n]*")
_PIDS_JSON = re.compile(r',?\s*"pids": ?\[\{.*?\}\s*\]', re.DOTALL)


class Printed(NamedTuple):
    """What one run printed, and its exit status."""

    out: str
    err: str
    status: int


def run(*command: str, stdin: str = "") -> Printed:
    """Runs a command to its end."""
    done = subprocess.run(
        command, input=stdin.encode(), capture_output=True, timeout=120, check=False, cwd=ROOT
    )
    out, err = done.stdout, done.stderr
    return Printed(
        out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape"),
        done.returncode,
    )  # fmt: skip


def probee(*words: str, stdin: str = "") -> Printed:
    """Runs probee of this checkout, isolated as `bin/probee`."""
    return run(sys.executable, "-IS", "-c", PROBEE, *words, stdin=stdin)


def without_pids(text: str) -> str:
    """Text or JSON of probee, as a bpftool without `pids` prints it."""
    return _PIDS_JSON.sub("", _PIDS_TEXT.sub("", text))


class Lab:
    """Holds descriptors, pins on a bpf file system of its own, devices; leaves nothing."""

    def __init__(self, bpftool: str, folder: Path, loader: str = "") -> None:
        """`loader`: what loads objects in the place of a bpftool that is too old for some."""
        self.bpftool, self.loader = bpftool, loader or bpftool
        self.older = self.loader != bpftool
        self.pins = str(folder / "pins")
        self._fds: list[int] = []
        self._devices: list[str] = []

    def __enter__(self) -> Self:
        os.mkdir(self.pins)
        assert run("mount", "-t", "bpf", "bpf", self.pins).status == 0
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._fds:
            os.close(fd)
        for device in self._devices:
            run("ip", "link", "del", device)
        run("umount", self.pins)  # with it goes all that is pinned there

    # ------------------------------------------------------------------------------- what is loaded

    def keep(self, fd: int) -> int:
        self._fds.append(fd)
        return fd

    def forget(self, fd: int) -> None:
        self._fds.remove(fd)
        os.close(fd)

    def load(self, path: Path, name: str = "o") -> str:
        """Loads all of an object through bpftool and libbpf; the folder of its pins."""
        folder = f"{self.pins}/{name}"
        os.mkdir(folder)
        done = run(
            self.loader, "prog", "loadall", str(path), f"{folder}/progs", "pinmaps",
            f"{folder}/maps",
        )  # fmt: skip
        assert done.status == 0, done.err
        return folder

    def device(self, name: str) -> int:
        """A network device of the test's own; its index."""
        assert run("ip", "tuntap", "add", "dev", name, "mode", "tap").status == 0
        self._devices.append(name)
        return int(Path(f"/sys/class/net/{name}/ifindex").read_text(encoding="ascii"))

    def forget_device(self, name: str) -> None:
        self._devices.remove(name)
        assert run("ip", "link", "del", name).status == 0

    def map(
        self, type_: int, key: int, value: int, entries: int, name: str = "", **more: int
    ) -> int:
        return self.keep(bpf.map_create(type_, key, value, entries, name=name, **more))

    def program(
        self, type_: int, code: bytes = RETURN_0, name: str = "", attach: int = 0, flags: int = 0
    ) -> int:
        fd, _ = bpf.prog_load(type_, code, "GPL", name=name, attach_type=attach, flags=flags)
        return self.keep(fd)

    # ------------------------------------------------------------------------------ the comparison

    def same(self, *words: str, forms: Sequence[tuple[str, ...]] = FORMS) -> str:
        """The text, equal in all forms; statuses are 0 or not alike."""
        texts = [self._same((*form, *words)) for form in forms]
        return texts[0]

    def as_there(self, text: str, words: Sequence[str]) -> str:
        """What probee printed, as this bpftool prints it."""
        text = without_pids(text)
        if not self.older:
            return text
        return as_7_1(text, json=not {"-j", "-p"}.isdisjoint(words))

    def _same(self, words: tuple[str, ...]) -> str:
        wanted = got = Printed("", "", 0)
        shown = ""
        for _ in range(3):
            wanted = run(self.bpftool, *words)
            got = probee(*words)
            shown = self.as_there(got.out, words)
            if wanted.out == shown:
                break
        assert shown == wanted.out, (words, got.err)
        # bpftool's `link show id N` says 255 though all went well: docs/bpftool.md
        expected = 0 if "link" in words and wanted.out.strip() else wanted.status
        assert bool(got.status) == bool(expected), (words, got, wanted.err)
        return without_pids(got.out)


@pytest.fixture(params=["bpftool-7.5", "bpftool"], ids=["7.5", "7.1"])
def lab(
    request: pytest.FixtureRequest, oracle: Callable[[str], str], tmp_path: Path
) -> Iterator[Lab]:
    """A lab beside trixie's bpftool, and one beside Debian 12's."""
    path = oracle(request.param)
    if request.param == "bpftool" and "bpftool v7.1." not in run(path, "version").out:
        pytest.skip("bpftool is not that of Debian 12")
    with Lab(path, tmp_path, oracle("bpftool-7.5")) as lab:
        yield lab


def id_of(fd: int) -> str:
    """The id of an object, from its fdinfo."""
    text = Path(f"/proc/self/fdinfo/{fd}").read_text(encoding="ascii")
    found = re.search(r"^(?:prog|map|link|btf)_id:\t(\d+)$", text, re.MULTILINE)
    assert found
    return found[1]
