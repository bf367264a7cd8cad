"""Who is measured: one row a contestant, and how one is started.

In: the tools of this machine and those of bench/peers. Out: `Contestant` rows; what cannot be had
gives a row of `Missing` with the reason, in the peer's own words where it has some.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.peers import trixie, wheels
from scripts import oracles
from scripts.debian import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.load import Watched

ROOT = Path(__file__).parent.parent
# As its first line says, with the interpreter that a person would have: not this virtual
# environment's, nor a version manager's script that looks for one.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
PROBEE = (PYTHON, "-IS", str(ROOT / "bin" / "probee"))
BPFTRACE = 'tracepoint:syscalls:sys_enter_openat /{} == {}/ {{ printf("%d %s %s\\n", pid, comm, str(args->filename)); }}'  # noqa: E501
EVERYWHERE = frozenset({"cost", "start", "many", "crowd"})
FLOOR, OURS, OURS_JSON = "floor", "probee", "probee --json"


class Contestant(NamedTuple):
    """`command` makes the words for whom to watch; `rows` is false for what prints none.

    `role` is what the goals know it by. `measures`: the sections it takes part in. It takes part in
    every `each`th round. `mark` stands before the name of the file, or of the task, in its rows.
    """

    name: str
    role: str
    what: str
    command: Callable[[Watched], list[str]]
    measures: frozenset[str] = EVERYWHERE
    each: int = 1
    rows: bool = True
    mark: str = "/"


class Missing(NamedTuple):
    """A peer that takes no part, and why."""

    name: str
    why: str


def environment(**more: str) -> dict[str, str]:
    """A person's: without what tells Python not to keep compiled modules, or not to buffer."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**own, **more}


def who(watched: Watched) -> tuple[str, int]:
    """`("uid", 61184)` or `("pid", 42)`."""
    return ("uid", watched.uid) if watched.uid else ("pid", watched.pid)


def options(watched: Watched) -> list[str]:
    """The same as opensnoop's options, which are bcc's everywhere."""
    kind, number = who(watched)
    return [f"-{kind[0]}", str(number)]


def floor(record_bytes: int) -> Contestant:
    """The least that a program with one ring record of that size can cost."""

    def command(watched: Watched) -> list[str]:
        kind, number = who(watched)
        return [sys.executable, "-m", "bench.floor", kind, str(number), str(record_bytes)]

    return Contestant(
        FLOOR, FLOOR, f"an empty program that sends {record_bytes} bytes", command,
        frozenset({"cost", "crowd"}), rows=False,
    )  # fmt: skip


def probee(*more: str) -> Callable[[Watched], list[str]]:
    """bin/probee of this checkout."""
    return lambda watched: [*PROBEE, "opensnoop", *options(watched), *more]


def ours() -> list[Contestant]:
    """probee, as itself and in two other ways."""
    return [
        Contestant(OURS, OURS, "probee opensnoop", probee()),
        Contestant(
            OURS_JSON, OURS_JSON, "the same, JSON lines", probee("--json"), frozenset({"many"})
        ),
        Contestant(
            "probee --pair", "pair", "the portable entry and exit pair", probee("--pair"),
            frozenset({"cost", "start", "many"}),
        ),
    ]  # fmt: skip


def _version(package: str, folder: Path | None = None) -> str:
    """Debian's version of an installed package, "0.26" of "0.26.0+ds-1"; "" without it."""
    where = [f"--admindir={folder / 'var/lib/dpkg'}"] if folder else []
    try:
        done = subprocess.run(
            ["dpkg-query", *where, "-W", "-f", "${Version}", package],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return ""
    return ".".join(done.stdout.partition("-")[0].partition("+")[0].split(".")[:2])


def _words(*tool: str) -> Callable[[Watched], list[str]]:
    return lambda watched: [*tool, *options(watched)]


def _one_liner(*tool: str) -> Callable[[Watched], list[str]]:
    return lambda watched: [*tool, "-e", BPFTRACE.format(*who(watched))]


def installed() -> tuple[list[Contestant], list[Missing]]:
    """The peers of this machine's own packages."""
    found, missing = [], []
    for tool, package, make, role, what in (
        ("opensnoop", "libbpf-tools", _words, "old C", "opensnoop in C"),
        ("bpftrace", "bpftrace", _one_liner, "old bpftrace", "a one-liner at entry, no result"),
    ):
        path, name = oracles.find(tool), f"{package} {_version(package)}".strip()
        if path is None:
            missing.append(Missing(package, oracles.how_to_get(tool)))
        else:
            rare = role != "old C"  # slow, and its successor stands for it where many run
            measures = EVERYWHERE - {"crowd"} if rare else EVERYWHERE
            found.append(Contestant(name, role, what, make(path), measures, each=3 if rare else 1))
    return found, missing


def fetched(cache: Path) -> tuple[list[Contestant], list[Missing]]:
    """The peers that live in a folder of their own; it is made if need be."""
    try:
        folder = trixie.prepare(cache)
        trixie.enter(folder)
    except (Unavailable, OSError) as error:
        names = ("newer libbpf-tools", "newer bpftrace", "bcc", *wheels.WHEELS)
        return [], [Missing(name, str(error)) for name in names]
    inside = (shutil.which("chroot", path=oracles.SEARCH) or "chroot", str(folder))
    entry = "the same at entry, no result, as a program of ours; opensnoop.py: see below"
    rows = [
        Contestant(
            f"libbpf-tools {_version('libbpf-tools', folder)}", "new C", "opensnoop in C",
            _words(*inside, "/usr/sbin/opensnoop-libbpf"),
        ),
        Contestant(
            f"bpftrace {_version('bpftrace', folder)}", "new bpftrace",
            "a one-liner at entry, no result", _one_liner(*inside, "bpftrace"), each=3,
        ),
        Contestant(
            "bcc opensnoop.py", "bcc", "bcc's own tool",
            _words(*inside, "/usr/sbin/opensnoop-bpfcc"), each=3,
        ),
        Contestant(
            f"bcc {_version('python3-bpfcc', folder)}", "bcc", entry,
            lambda watched: [
                *inside, "python3", f"/{trixie.OWN}/bcc_open.py", who(watched)[0],
                str(who(watched)[1]),
            ],
            each=3,
        ),
    ]  # fmt: skip
    missing = []
    for name in wheels.WHEELS:
        try:
            wheels.install(name, folder)
        except Unavailable as error:
            missing.append(Missing(name, str(error)))
        else:
            if name == "pythonbpf":
                rows.append(_pythonbpf(inside, folder))
            else:
                missing.append(_ebpfcat(inside))
    return rows, missing


def _pythonbpf(inside: tuple[str, ...], folder: Path) -> Contestant:
    """Its programs hold constants only, and know a thread's id, not its process's."""
    own = f"/{trixie.OWN}"
    source = folder / trixie.OWN / "pythonbpf_open.py"
    path = f"PATH={own}:/usr/bin:/bin"

    def command(watched: Watched) -> list[str]:
        threads = [int(entry.name) for entry in os.scandir(f"/proc/{watched.pid}/task")]
        text = source.read_text().replace("FIRST", str(min(threads)))
        (source.parent / "now.py").write_text(text.replace("LAST", str(max(threads))))
        return [*inside, "env", path, "PYTHONPATH=/opt/pythonbpf", "python3", f"{own}/now.py"]

    return Contestant(
        "Python-BPF 0.2.0", "pythonbpf", "pid and comm at entry: no helper reads a file's name",
        command, frozenset({"cost", "start", "many"}), each=3, mark=" ",
    )  # fmt: skip


def _ebpfcat(inside: tuple[str, ...]) -> Missing:
    """It has no rows to count: what it can do is tried here."""
    name, program = "ebpfcat 1.0.0", f"/{trixie.OWN}/ebpfcat_open.py"
    begin = time.perf_counter()
    done = subprocess.run(
        [*inside, "env", "PYTHONPATH=/opt/ebpfcat", "python3", program],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        return Missing(name, done.stderr.strip().splitlines()[-1])
    took = 1000 * (time.perf_counter() - begin)
    return Missing(
        name,
        f"loads a program for a tracepoint {took:.0f} ms after its start, but has nothing that "
        "attaches it, and neither a ring nor a perf buffer to send rows through",
    )
