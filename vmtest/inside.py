"""What runs inside a booted kernel: probes beside tables, opensnoop, tests, random programs.

In: the folder shared with the host, the words for pytest, and how many random programs to run.
Out, in that folder: `begun`, `features`, `rows`, `results`, `log`, `random`, and at the end `done`.

The host's files can be read here and not written, so everything temporary goes to memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import traceback
from pathlib import Path

SCRATCH = Path("/run/vmtest")
# At most, each: one test, opensnoop's rows, the random programs.
TEST_SECONDS, ROWS_SECONDS, RANDOM_SECONDS = 400, 480, 480
MOUNTS = {"/sys/fs/bpf": "bpf", "/sys/kernel/tracing": "tracefs", "/sys/fs/cgroup": "cgroup2"}


def mount_what_is_missing() -> None:
    """The file systems that a system mounts when it starts."""
    kinds = {line.split()[2] for line in Path("/proc/mounts").read_text("utf-8").splitlines()}
    for place, kind in MOUNTS.items():
        if kind not in kinds:
            subprocess.run(["mount", "-t", kind, "none", place], check=True)


def environment(shared: Path) -> dict[str, str]:
    """Nothing is written beside the sources; root must find every test able to run."""
    return {
        **os.environ,
        "HOME": str(SCRATCH),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(SCRATCH / "hypothesis"),
        "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin",
        "PROBEE_CACHE_DIR": str(SCRATCH / "cache"),
        "PROBEE_REQUIRE": "kernel",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(Path.cwd()),
        "TMPDIR": str(SCRATCH / "tmp"),
        "VMTEST_RESULTS": str(shared / "results"),
    }


def link_fetched_tools() -> None:
    """Tools that scripts/fetched.py fetched outside are found inside, though HOME is another."""
    outside, place = os.environ.get("VMTEST_FETCHED", ""), SCRATCH / ".cache/probee-tests"
    if outside and os.path.exists(outside):
        place.mkdir(parents=True)
        (place / "fetched").symlink_to(outside)


def check_features(shared: Path) -> None:
    """Writes the contradictions; a failure to ask is one."""
    from vmtest.features import contradictions

    try:
        lines = list(contradictions())
    except Exception:
        lines = ["the probes failed: " + traceback.format_exc().strip().replace("\n", " / ")]
        raise
    finally:
        (shared / "features").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def run(words: list[str], inside: dict[str, str], seconds: float, cwd: Path | None = None) -> int:
    """The status of a command; 124, as timeout(1) gives it, where it took too long."""
    try:
        return subprocess.run(words, env=inside, cwd=cwd, check=False, timeout=seconds).returncode
    except subprocess.TimeoutExpired:
        print(f"{' '.join(words)}: not done after {seconds:.0f} s", flush=True)
        return 124


def main(words: list[str]) -> int:
    """Prints to the log; returns 0 unless something could not even start."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("tests", nargs="+")
    options = parser.parse_args(words)
    shared: Path = options.shared
    (shared / "begun").write_text(os.uname().release, "ascii")
    for part in ("cache", "hypothesis", "tmp"):
        (SCRATCH / part).mkdir(parents=True, mode=0o700)
    mount_what_is_missing()
    link_fetched_tools()
    inside = environment(shared)
    check_features(shared)
    if options.random:  # without one the kernel has failed
        run([sys.executable, "-m", "vmtest.rows", str(shared / "rows")], inside, ROWS_SECONDS)
    pytest = [sys.executable, "-u", "-m", "pytest", "-p", "vmtest.plugin", "-p", "no:cacheprovider"]
    pytest += ["-q", "--tb=short", "-rN", "--durations=15", f"--timeout={TEST_SECONDS}"]
    subprocess.run([*pytest, *options.tests], env=inside, check=False)
    if options.random:
        # A failure is shrunk elsewhere, by its seed: here that would take longer than all tests.
        inside |= {"FUZZ_COUNT": str(options.random), "SEED": "1", "FUZZ_SHRINK": "0"}
        fuzz = [sys.executable, "-m", "tests.fuzz"]
        # From the shared folder, where it keeps the programs that failed.
        status = run(fuzz, inside, RANDOM_SECONDS, cwd=shared)
        (shared / "random").write_text(str(status), "ascii")
    (shared / "done").write_text("", "ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
