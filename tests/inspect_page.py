"""What docs/inspect.md shows: its own program, built and explained for a kernel of literals.

`python -m tests.inspect_page` writes it into the page.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from probee.cli.inspect_text import lines
from probee.introspect.inspect.explain import explain
from tests.inspect_kernel import Literal

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "inspect.md"
_PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"(says:\n\n```\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)


def explained() -> str:
    """The text for the page's program."""
    source = _PROGRAM.search(PAGE.read_text())
    assert source is not None
    with TemporaryDirectory() as folder:
        Path(folder, "starts.py").write_text(source[1])
        words = ["-m", "probee", "build", "starts.py", "-o", "starts.bpf.o", "--arch", "x86_64"]
        path = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([sys.executable, *words], cwd=folder, env=path, check=True, stderr=-1)
        data = Path(folder, "starts.bpf.o").read_bytes()
    return "".join(lines(explain("starts.bpf.o", data, Literal())))


if __name__ == "__main__":
    page = PAGE.read_text()
    text = explained()
    PAGE.write_text(SHOWN.sub(lambda found: found[1] + text + found[3], page))
