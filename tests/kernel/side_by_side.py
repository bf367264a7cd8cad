"""What probee prints beside what the real bpftool prints, of the same kernel at the same moment.

`both(words)` runs the two one after the other; `FORMS` are the three forms of each verb.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from probee.cli.main import main
from probee.host import bpf
from probee.host.attributes import Attributes, demand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMS = ("", "-j", "-p")
# r0 = 1, exit; r0 = 0, exit
ONE = bytes.fromhex("b700000001000000 9500000000000000")
ZERO = bytes.fromhex("b700000000000000 9500000000000000")


class Printed(NamedTuple):
    """What one of the two printed, and its exit status."""

    out: str
    err: str
    status: int


class Pair:
    """Runs both on the same words."""

    def __init__(self, bpftool: str, capfd: pytest.CaptureFixture[str]) -> None:
        self._bpftool, self._capfd = bpftool, capfd

    def real(self, *words: str) -> Printed:
        done = subprocess.run(
            [self._bpftool, *words], capture_output=True, text=True, check=False, timeout=120
        )
        return Printed(done.stdout, done.stderr, done.returncode)

    def ours(self, *words: str) -> Printed:
        self._capfd.readouterr()
        status = main(words)
        out, err = self._capfd.readouterr()
        return Printed(out, err, status)

    def alike(self, *words: str) -> str:
        """What both print, in the form that `words` ask for."""
        real, ours = self.real(*words), self.ours(*words)
        assert ours.out == real.out, f"probee:\n{ours.out}{ours.err}\nbpftool:\n{real.out}"
        assert ours.status == real.status == 0, (real.err, ours.err)
        assert plain(ours.err) == real.err
        return ours.out

    def alike_in_all_forms(self, *words: str) -> str:
        """The same for text, JSON and indented JSON; the text."""
        texts = [self.alike(*(filter(None, (form,))), *words) for form in FORMS]
        return texts[0]


def plain(message: str) -> str:
    """What probee says on standard error, without its name: bpftool says no name."""
    return re.sub(r"^probee \w+: ", "", message)


class Owned:
    """Descriptors that are closed behind the test."""

    def __init__(self) -> None:
        self._fds: list[int] = []

    def add(self, fd: int) -> int:
        self._fds.append(fd)
        return fd

    def close(self) -> None:
        for fd in reversed(self._fds):
            os.close(fd)
        self._fds.clear()

    def program(self, type_: int, name: str = "", attach: int = 0, code: bytes = ONE) -> int:
        """A program of two instructions."""
        fd, _ = bpf.prog_load(type_, code, "GPL", name=name, attach_type=attach)
        return self.add(fd)

    def link(self, **fields: int) -> int:
        """A link, with fields of BPF_LINK_CREATE."""
        return self.add(demand(Attributes("BPF_LINK_CREATE", fields)))

    def attach(self, target: int, program: int, type_: int, flags: int = 0) -> None:
        """BPF_PROG_ATTACH: it holds for as long as the target is there."""
        fields = {
            "target_fd": target, "attach_bpf_fd": program, "attach_type": type_,
            "attach_flags": flags,
        }  # fmt: skip
        demand(Attributes("BPF_PROG_ATTACH", fields))

    def detach(self, target: int, program: int, type_: int) -> None:
        fields = {"target_fd": target, "attach_bpf_fd": program, "attach_type": type_}
        demand(Attributes("BPF_PROG_DETACH", fields))


@pytest.fixture
def pair(oracle: Callable[[str], str], capfd: pytest.CaptureFixture[str]) -> Pair:
    return Pair(oracle("bpftool-7.5"), capfd)


@pytest.fixture
def owned(_leaves_kernel_as_it_was: None) -> Iterator[Owned]:
    held = Owned()
    yield held
    held.close()


def id_of(program: int) -> int:
    """A program's id, from its info."""
    info = bytearray(8)
    bpf.obj_get_info(program, info)
    return int.from_bytes(info[4:8], "little")
