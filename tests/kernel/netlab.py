"""A network namespace of the test's own: interfaces, and programs at all of their hooks.

`with lab.entered():` this thread, and what it starts, is in the namespace. It is gone with the
process that holds it open.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support import Spawn

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

SOURCE = """\
#define SEC(name) __attribute__((section(name), used))
SEC("tc") int classify(void *ctx) { return 0; }
SEC("xdp") int pass_it_all_with_a_long_name(void *ctx) { return 2; }
char terms[] SEC("license") = "GPL";
"""


def _setns(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Lab:
    """An empty network namespace. `object`: a BPF object with sections `tc` and `xdp`."""

    def __init__(self, pid: int, ip: str, tc: str, object_: Path) -> None:
        self._ip, self._tc, self.object = ip, tc, object_
        self._here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._here)

    @contextmanager
    def entered(self) -> Iterator[None]:
        _setns(self.fd)
        try:
            yield
        finally:
            _setns(self._here)

    def ip(self, words: str) -> None:
        """`ip WORDS`, entered."""
        self._run(self._ip, words)

    def tc(self, words: str) -> None:
        """`tc WORDS`, entered."""
        self._run(self._tc, words)

    def _run(self, program: str, words: str) -> None:
        # Both mount a bpffs where they find none: here it is gone with them.
        command = ["unshare", "--mount", program]
        command += shlex.split(words.replace("OBJ", str(self.object)))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"


@pytest.fixture
def lab(spawn: Spawn, oracle: Callable[[str], str], tmp_path: Path) -> Iterator[Lab]:
    """A namespace with two pairs of interfaces, a0 and b0, a1 and b1, all of them up."""
    source, object_ = tmp_path / "hooks.c", tmp_path / "hooks.o"
    source.write_text(SOURCE, encoding="ascii")
    command = f"{oracle('clang')} -g -O2 -target bpf -c {source} -o {object_}"
    subprocess.run(shlex.split(command), check=True)
    holder = spawn.python(
        "import ctypes, sys; "
        f"print(ctypes.CDLL(None).unshare({CLONE_NEWNET}), flush=True); sys.stdin.read()"
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"0\n"
    made = Lab(holder.pid, oracle("ip"), oracle("tc"), object_)
    with made.entered():
        for number in (0, 1):
            made.ip(f"link add a{number} type veth peer name b{number}")
            made.ip(f"link set a{number} up")
            made.ip(f"link set b{number} up")
    yield made
    with made.entered():  # now, not once the kernel finds the time
        for number in (0, 1):
            made.ip(f"link del a{number}")
    made.close()
