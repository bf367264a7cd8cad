"""`python -m bench.soak --seconds 3600`: probee's opensnoop under a load that counts its own opens.

In: root, gcc. Out: bench/soak.json and a section of bench/RESULTS.md; status 1 if rows and reported
losses are not all opens, or if memory grew. The load (load.c) runs as a user that nobody else is,
and probee filters by that user in the kernel; with a cgroup or a parent it would be the same code.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench import report
from bench.contestants import PROBEE, ROOT, environment
from bench.load import unused_uid
from bench.measure import reported
from scripts import oracles

HERE = Path(__file__).parent
PROGRAM = HERE.parent / ".build" / "soak"
CORES = 0.3  # of one, for the load
GROWTH_MB = 1.0  # from the first quarter's most to the last quarter's most: more is a leak
PATIENCE = 30.0
ALL_WAYS = "--all-ways"


def build(gcc: str) -> None:
    """Compiles load.c."""
    PROGRAM.parent.mkdir(exist_ok=True)
    flags = ["-O2", "-Wall", "-static", "-pthread"]
    subprocess.run([gcc, *flags, "-o", PROGRAM, HERE / "load.c"], check=True)


class Tracer:
    """probee, its rows counted as they come, its memory now and then."""

    def __init__(self, uid: int, ways: list[str]) -> None:
        read, write = os.pipe()
        self._errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*PROBEE, "opensnoop", "-u", str(uid), *ways], stdin=subprocess.DEVNULL,
            stdout=write, stderr=self._errors, cwd=ROOT, env=environment(),
        )  # fmt: skip
        os.close(write)
        self.lines = 0
        self.megabytes: list[float] = []
        self._reader = threading.Thread(target=self._count, args=(read,))
        self._reader.start()

    def _count(self, read: int) -> None:
        while chunk := os.read(read, 1 << 20):
            self.lines += chunk.count(b"\n")
        os.close(read)

    def _links(self) -> set[str]:
        """Descriptors that keep programs attached."""
        found = set()
        for entry in Path(f"/proc/{self.process.pid}/fdinfo").iterdir():
            try:
                if "link_id:" in entry.read_text():
                    found.add(entry.name)
            except FileNotFoundError:
                continue
        return found

    def wait_until_attached(self) -> None:
        """Until it holds links, and has made no more for a second."""
        links, since = set[str](), time.monotonic()
        deadline = since + PATIENCE
        while not links or time.monotonic() - since < 1:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"probee does not trace: {self.said()}")
            if (now := self._links()) != links:
                links, since = now, time.monotonic()
            time.sleep(0.05)

    def sample(self) -> None:
        """Notes how much of it is in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        self.megabytes.append(int(status.partition("VmRSS:")[2].split()[0]) / 1024)

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> tuple[int, str]:
        """Waits until no row has come for a second, ends it; its rows, and what it said last."""
        lines, since = -1, time.monotonic()
        while time.monotonic() - since < 1:
            if self.lines != lines:
                lines, since = self.lines, time.monotonic()
            time.sleep(0.05)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        self._reader.join()
        said = self.said()
        self._errors.close()
        return self.lines - 1, said  # without the header

    def said(self) -> str:
        """What it wrote to standard error."""
        self._errors.seek(0)
        return self._errors.read()


def watched(tracer: Tracer, load: subprocess.Popen[str], every: float) -> dict[str, Any]:
    """Samples until the load has ended; what it says of itself."""
    try:
        while load.poll() is None:
            tracer.sample()
            try:
                load.wait(every)
            except subprocess.TimeoutExpired:
                continue
    except KeyboardInterrupt:
        load.terminate()
    said, _ = load.communicate()
    if load.returncode != 0:
        raise RuntimeError(f"the load ended with status {load.returncode}")
    found: dict[str, Any] = json.loads(said)
    return found


def run(seconds: float, ways: list[str]) -> dict[str, Any]:
    """The whole run, as it is kept in soak.json."""
    uid = unused_uid()
    with tempfile.TemporaryDirectory(prefix="probee-soak-") as folder:
        os.chmod(folder, 0o777)
        tracer = Tracer(uid, ways)
        try:
            tracer.wait_until_attached()
            load = subprocess.Popen(
                [PROGRAM, str(uid), folder, str(seconds), str(CORES), str(int(bool(ways)))],
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            made = watched(tracer, load, min(10.0, seconds / 24))
            cpu = tracer.cpu()
            rows, said = tracer.end()
        finally:
            if tracer.process.poll() is None:
                tracer.process.kill()
    sizes = tracer.megabytes
    quarter = max(len(sizes) // 4, 1)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "kernel": platform.release(),
        "seconds": made["seconds"],
        "options": ways,
        "opens": sum(made["kinds"].values()),
        "rows": rows,
        "reported": reported(said),
        "status": tracer.process.returncode,
        "first_mb": max(sizes[:quarter]),
        "last_mb": max(sizes[-quarter:]),
        "most_mb": max(sizes),
        "megabytes": sizes,
        "tool_cpu": cpu / made["seconds"],
        "load_cpu": made["cpu"] / made["seconds"],
        "processes": made["processes"],
        "kinds": made["kinds"],
    }


def main(words: list[str]) -> int:
    """Runs, writes, tells; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--seconds", type=float, default=3600)
    options = parser.parse_args(words)
    gcc = oracles.find("gcc")
    if os.geteuid() != 0 or gcc is None:
        print("the long run needs root, and gcc for the load generator", file=sys.stderr)
        return 1
    # A shell's background job ignores SIGINT, and so would the tool that is ended by it here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    build(gcc)
    text = subprocess.run(
        [*PROBEE, "opensnoop", "--help"], capture_output=True, text=True, check=True
    ).stdout
    found = run(options.seconds, [ALL_WAYS] if ALL_WAYS in text else [])
    (HERE.parent / "soak.json").write_text(json.dumps(found, indent=1) + "\n")
    if report.RESULTS.exists():
        report.write(json.loads(report.RESULTS.read_text()))
    missing = found["opens"] - found["rows"] - found["reported"]
    grown = found["last_mb"] - found["first_mb"]
    print(
        f"{found['opens']:,} opens = {found['rows']:,} rows + {found['reported']:,} lost + "
        f"{missing:,} missing; {found['first_mb']:.1f} MB, then {found['last_mb']:.1f}"
    )
    return 1 if missing or grown > GROWTH_MB or found["status"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
