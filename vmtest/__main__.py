"""`make vmtest`: boots each kernel, runs the tests in it, prints one table.

In: the series to boot (all rows of kernels.py if none is said). Out: the table on standard output;
for each kernel a folder .output/vmtest/SERIES with console, log and results; status 1 if a test
failed, a probe contradicts its table, or a kernel could not be had or did not come to its end.
"""

from __future__ import annotations

import argparse
import compileall
import shlex
import shutil
import signal
import sys
import tarfile
import tempfile
from pathlib import Path

from scripts import fetched
from scripts.debian import Unavailable
from vmtest import boot, needs, packages, report, rows, selection
from vmtest.kernels import KERNELS, Kernel, by_series

OUTPUT = Path(".output/vmtest")
TREE = "/run/vmtest/tree"  # inside
BOOTS = 2  # a machine that never came up is started once more


def _pack(archive: Path) -> None:
    """The sources as they are now, compiled: who edits them meanwhile changes no test that runs.

    One file, for opening a thousand across the machine's border takes minutes.
    """
    ignored = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")
    with tempfile.TemporaryDirectory(prefix="vmtest-") as folder, tarfile.open(archive, "w") as tar:
        tree = Path(folder) / "tree"
        shutil.copytree(Path.cwd(), tree, ignore=ignored, symlinks=True)
        compileall.compile_dir(tree, quiet=2)
        tar.add(tree, ".")


def _script(folder: Path, words: list[str]) -> Path:
    """What the machine runs: it unpacks the sources into its memory and calls inside.py."""
    archive, script = folder / "tree.tar", folder / "run.sh"
    _pack(archive)
    line = shlex.join([sys.executable, "-m", "vmtest.inside", *words])
    tar, log = shlex.quote(str(archive)), shlex.quote(str(folder / "log"))
    lines = [
        f"exec >{log} 2>&1",
        f"export VMTEST_FETCHED={shlex.quote(str(fetched.cache_folder()))}",
        f"mkdir -p {TREE} && tar -C {TREE} -xf {tar} && cd {TREE} && exec {line}",
    ]
    script.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return script


def test(kernel: Kernel, options: argparse.Namespace) -> report.Result:
    """Boots one kernel and reads what it left. What goes wrong is told in the result."""
    folder = (OUTPUT / kernel.series).resolve()
    seconds, trouble = 0.0, ""
    try:
        environment = needs.environment()
        ready = packages.prepare(kernel, packages.cache_folder(), fresh=options.fresh)
    except Unavailable as error:
        return report.Result(kernel.series, "", str(error))
    words = [str(folder)]
    if not options.tests:
        words += ["--random", str(selection.RANDOM_PROGRAMS)]
    words += ["--", *(options.tests or selection.pytest_words(all=options.all))]
    limits = boot.Limits(all=options.minutes * 60)
    for _ in range(BOOTS):
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        print(f"{kernel.series}: booting {ready.release}", flush=True)
        run = boot.command(ready, _script(folder, words), folder)
        ended = boot.boot(run, environment, folder / "console", folder / "begun", limits)
        seconds, trouble = ended.seconds, ended.why
        if (folder / "begun").exists():
            break
    return report.read(kernel.series, folder, trouble, seconds)


def main(words: list[str]) -> int:
    """Prints, and returns the exit status."""
    parser = argparse.ArgumentParser(prog="make vmtest", description=__doc__.split("\n")[0])
    parser.add_argument("series", nargs="*", help="5.10, 6.1, ...: which kernels; none: all")
    parser.add_argument("--all", action="store_true", help="all kernel tests, not the chosen ones")
    parser.add_argument("--fresh", action="store_true", help="look for newer packages")
    parser.add_argument("--minutes", type=float, default=20.0, help="at most, for each kernel")
    parser.add_argument("--tests", nargs="+", help="these, as pytest takes them")
    options = parser.parse_args(words)
    try:
        kernels = [by_series(series) for series in options.series] or list(KERNELS)
    except ValueError as error:
        parser.error(str(error))
    # So that the machine ends with us, and tools with their SIGINT: a background job ignores that.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    results = [test(kernel, options) for kernel in kernels]
    here, unseen = None, ""
    try:
        here = None if options.tests else rows.of_this_machine(OUTPUT / "rows")
    except rows.Unseen as error:
        unseen = f"this machine: opensnoop's rows are missing: {error}"
    results = report.compared(results, here)
    print("", *report.lines(results), *filter(None, [unseen]), sep="\n")
    return 1 if unseen or any(result.bad for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
