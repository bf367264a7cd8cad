"""What `probee top` costs while it watches 200 programs, as per cent of one CPU.

    python -m bench.top [--looks N] [--rounds N] [--programs N]

In: this machine, as root. 200 programs are loaded here, 40 of them on a tracepoint that is hit all
the time. Out: CPU time of `probee top` on a terminal of 160 columns and 50 rows, user and system:
of a run with many looks less that of one with few, by the difference of their numbers. The forms
take turns in each round; medians. The goals: the plain form under 1 %, the Textual one under 3 %,
at one look a second.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import statistics
import struct
import sys
import termios
from pathlib import Path

from probee.asm import make as m
from probee.asm.encode import encode
from probee.host import bpf
from probee.uapi.bpf import BPF_PROG_TYPE_RAW_TRACEPOINT

ROOT = Path(__file__).parent.parent
FEW = 3
BUSY = 40
FORMS = (("plain", (), 1.0), ("Textual", ("--textual",), 3.0))


def loaded(count: int) -> list[int]:
    """Descriptors of so many programs, and of the links of some."""
    code = encode([m.mov64_imm(0, 0), m.exit_()])
    kept = []
    for number in range(count):
        name = f"program_{number}"
        fd, _ = bpf.prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, code, "GPL", name=name)
        kept.append(fd)
        if number < BUSY:
            kept.append(bpf.raw_tracepoint_open(fd, "sched_switch"))
    return kept


def cpu_seconds(words: list[str]) -> float:
    """CPU time of a child on a terminal of its own, from its start to its end."""
    child, master = pty.fork()
    if not child:
        os.chdir(ROOT)
        os.environ["TERM"] = "xterm-256color"
        os.execv(sys.executable, [sys.executable, "-m", "probee", "top", *words])
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    try:
        while os.read(master, 1 << 16):
            pass
    except OSError:  # its end
        pass
    os.close(master)
    _, status, used = os.wait4(child, 0)
    if status:
        sys.exit(f"probee top {' '.join(words)} failed: {status}")
    return used.ru_utime + used.ru_stime


def main(words: list[str]) -> int:
    """Prints a line for each form; the status is 0 whatever it says."""
    parser = argparse.ArgumentParser(description="what probee top costs")
    parser.add_argument("--looks", type=int, default=23)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--programs", type=int, default=200)
    options = parser.parse_args(words)
    kept = loaded(options.programs)
    costs: dict[str, list[float]] = {name: [] for name, _, _ in FORMS}
    for _ in range(options.rounds):
        for name, more, _ in FORMS:
            few = cpu_seconds(["--count", str(FEW), *more])
            many = cpu_seconds(["--count", str(options.looks), *more])
            costs[name].append((many - few) / (options.looks - FEW))
    for fd in kept:
        os.close(fd)
    print(f"{options.programs} programs, a look a second, {options.rounds} rounds; medians")
    for name, _, goal in FORMS:
        cost = statistics.median(costs[name])
        share = f"{cost * 100:5.2f} % of a CPU (goal {goal:.0f} %)"
        print(f"  {name:8} {cost * 1000:6.1f} ms a look, {share}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
