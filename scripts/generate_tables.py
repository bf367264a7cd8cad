"""Write probee's generated modules from the recorded facts, or check that they are up to date.

In: scripts/recorded/*.json, nothing else: not the running kernel, not installed headers.
Out: probee/uapi/*.py, probee/tables/*_data.py, probee/lang/helpers.pyi, probee/contexts.pyi. With
--check nothing is written: the differences are printed and the status is 1 if there is one.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from scripts import context_module, helper_module, helper_stubs, syscall_module, uapi_modules

ROOT = Path(__file__).parent.parent


def recorded(name: str) -> dict[str, Any]:
    """The facts of recorded/NAME.json."""
    path = Path(__file__).parent / "recorded" / f"{name}.json"
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return facts


def modules() -> dict[str, str]:
    """Path under the root -> text, for every generated module."""
    uapi, helpers = recorded("uapi"), recorded("helpers")
    return {
        **uapi_modules.modules(uapi),
        **helper_module.modules(uapi, helpers, recorded("since")),
        **syscall_module.modules(recorded("syscalls")),
        **helper_stubs.modules(),
        **context_module.modules(recorded("tracepoints")),
    }


def differences(wanted: dict[str, str]) -> list[str]:
    """Lines of a unified diff from what is checked in to what should be."""
    lines: list[str] = []
    for name, text in wanted.items():
        path = ROOT / name
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        lines += difflib.unified_diff(
            there.splitlines(), text.splitlines(), name, f"{name} (generated)", lineterm=""
        )
    return lines


def main(arguments: list[str]) -> int:
    """Generate, or with --check compare."""
    parser = argparse.ArgumentParser(description="generate probee/uapi and probee/tables data")
    parser.add_argument("--check", action="store_true", help="write nothing, show differences")
    options = parser.parse_args(arguments)
    wanted = modules()
    if options.check:
        lines = differences(wanted)
        print(*lines, sep="\n", end="\n" if lines else "")
        return 1 if lines else 0
    for name, text in wanted.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
