"""opensnoop -c and --stack: whose functions led to an open, by name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernel.opensnoop_support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support import Spawn

pytestmark = [pytest.mark.kernel, pytest.mark.oracle("gcc")]

# Waits for a byte, opens what it is told, waits again. Without libc, which has no frame pointers.
SOURCE = r"""
#include <sys/syscall.h>
#include <unistd.h>
__attribute__((noinline)) long inner(const char *path) {
    long got = syscall(SYS_getppid);
#ifdef __x86_64__
    register long mode __asm__("r10") = 0;
    __asm__ volatile("syscall" : "=a"(got) : "0"((long)SYS_openat), "D"(-100L), "S"(path), "d"(0L),
                     "r"(mode) : "rcx", "r11", "memory");
#endif
    return got;
}
__attribute__((noinline)) long outer(const char *path) { return inner(path) + 1; }
int main(int count, char **words) {
    char byte;
    read(0, &byte, 1);
    for (int i = 1; i < count; i++) outer(words[i]);
    read(0, &byte, 1);
    return 0;
}
"""


@pytest.fixture(scope="module")
def opener(tmp_path_factory: pytest.TempPathFactory) -> str:
    from scripts import oracles

    folder = tmp_path_factory.mktemp("opener")
    gcc = oracles.find("gcc")
    assert gcc is not None
    (folder / "opener.c").write_text(SOURCE, encoding="utf-8")
    subprocess.run(
        [gcc, "-O1", "-fno-omit-frame-pointer", "-mno-omit-leaf-frame-pointer",
         "-fno-optimize-sibling-calls", "-w", "-o", folder / "opener", folder / "opener.c"],
        check=True,
    )  # fmt: skip
    return str(folder / "opener")


@pytest.fixture
def trace(opener: str) -> Callable[..., tuple[str, str]]:
    """What opensnoop says, on both outputs, of opener's open of /nowhere."""

    def run(*words: str) -> tuple[str, str]:
        process = subprocess.Popen([opener, "/nowhere"], stdin=subprocess.PIPE)
        assert process.stdin is not None
        tool = subprocess.Popen(
            [sys.executable, "-m", "probee", "opensnoop", "-p", str(process.pid), "--count", "1",
             *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            _until_it_traces(tool.pid)
            process.stdin.write(b"!")
            process.stdin.flush()
            out, err = tool.communicate(timeout=60)
        finally:
            tool.kill()
            process.kill()
            process.wait()
            process.stdin.close()
            tool.wait()
        assert tool.returncode == 0, err
        return out, err

    return run


def _until_it_traces(pid: int) -> None:
    """Until it sleeps in epoll with links of its own."""
    import time

    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except OSError:
            links, state = [], ""
        if state == "S" and any("perf_event" in link or "bpf_link" in link for link in links):
            return
        time.sleep(0.05)
    pytest.fail("it does not trace")


def symbols(frames: list[dict[str, Any]]) -> list[str | None]:
    return [frame["symbol"] for frame in frames]


def test_the_functions_that_led_there(trace: Callable[..., tuple[str, str]], opener: str) -> None:
    out, _ = trace("-c", "--json")
    row = json.loads(out)
    frames = row["user_stack"]
    assert symbols(frames)[:3] == ["inner", "outer", "main"]
    assert [frame["file"] for frame in frames[:3]] == [opener] * 3
    assert all(frame["address"].startswith("0x") and frame["offset"] > 0 for frame in frames[:3])
    assert "kernel_stack" not in row


def test_lines_below_the_row(trace: Callable[..., tuple[str, str]], opener: str) -> None:
    out, err = trace("-c", "-F")
    header, row, *below = out.splitlines()
    assert header.split()[:2] == ["PID", "COMM"]
    assert row.endswith("/nowhere")
    assert [line.split("+")[0].strip() for line in below[:3]] == ["inner", "outer", "main"]
    assert below[0].startswith("        inner+0x")
    assert below[0].endswith(f" ({opener})")
    assert err == "probee opensnoop: 0 events lost\n"


def test_the_kernel_too(trace: Callable[..., tuple[str, str]]) -> None:
    out, _ = trace("--stack", "--csv")
    header, row = out.splitlines()
    assert header.endswith(",kernel_stack,user_stack")
    assert "inner+0x" in row
    assert ";outer+0x" in row
    row_json = json.loads(trace("--stack", "--json")[0])
    if row_json["kernel_stack"]:  # none at system calls' tracepoints before Linux 6.12
        assert "do_syscall_64" in symbols(row_json["kernel_stack"])


def test_without_pyelftools(
    trace: Callable[..., tuple[str, str]], opener: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "elftools.py").write_text("raise ImportError('hidden')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.getcwd()}")
    out, err = trace("-c", "--json")
    frames = json.loads(out)["user_stack"]
    assert symbols(frames) == [None] * len(frames)
    assert frames[0]["file"] == opener
    assert frames[0]["offset"] > 0
    assert err.count("pip install 'probee[symbols]'") == 1


def test_it_rests_where_it_sees_itself(spawn: Spawn) -> None:
    """Looking a stack up opens files: shown in turn, each led to one more look, without end."""
    alone = ["unshare", "--mount", sys.executable, "-c"]
    code = (
        "import os, subprocess, sys\n"
        "own = str(os.stat('/proc/self/ns/mnt').st_ino)\n"
        "sys.exit(subprocess.call([sys.executable, '-m', 'probee', 'opensnoop', '-c', '--json',"
        " '--mntns', own, '--', sys.executable, '-c', 'import time; time.sleep(2)']))"
    )
    process = spawn(*alone, code, cwd=ROOT)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    stat = [row for row in rows if row["path"] and row["path"].endswith("/stat")]
    assert rows
    assert len(stat) < 20, len(rows)
