"""What `probee inspect` says is here loads and attaches, and what it says is missing is refused:
each program of tests/objects/attachable.c, by libbpf.
"""

from __future__ import annotations

import ctypes
import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from probee.introspect.inspect.explain import explain
from probee.introspect.inspect.running import RunningFacts
from tests.objects.build import Object

if TYPE_CHECKING:
    from collections.abc import Callable

    from probee.introspect.inspect.report import ProgramRow

pytestmark = pytest.mark.kernel
LIBRARY = "libbpf.so.1"
MODULES = "; those of its modules are not looked into"
NOT_BY_ITSELF = str(errno.EOPNOTSUPP)  # libbpf: its user must say to what


@pytest.fixture(scope="module")
def attachable() -> Object:
    return Object(("attachable",), 19)


def rows(path: Path) -> dict[str, ProgramRow]:
    """The programs by name. What types do not have is only not known where modules have some."""
    with RunningFacts() as kernel:
        report = explain(str(path), path.read_bytes(), kernel)
    assert report.loadable.answer == "yes"
    return {program.name: program for program in report.programs}


def test_libbpf_can_do_what_is_said_to_be_here(
    attachable: Object, built: Callable[[Object], Path]
) -> None:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        pytest.skip(f"there is no {LIBRARY}: install libbpf1")
    path = built(attachable)
    script = Path(__file__).with_name("libbpf_attach.py")
    # libbpf looks for tracepoints where tracefs is mounted: here nobody else sees that it is.
    mounted = 'mount -t tracefs tracefs /sys/kernel/tracing; exec "$@"'
    words = ["unshare", "--mount", "sh", "-c", mounted, "sh"]
    words += [sys.executable, str(script), LIBRARY, str(path)]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    said = rows(path)
    seen = [line.split() for line in done.stdout.splitlines()]
    assert {name for name, _, _ in seen} == set(said)
    attached = 0
    for name, loaded, linked in seen:
        row = said[name]
        in_doubt = row.attach_point.why.endswith(MODULES)
        assert in_doubt or row.loads.answer in ("yes", "no"), row
        assert (loaded == "0") == (row.loads.answer == "yes"), (name, loaded, row.loads)
        if linked in ("-", NOT_BY_ITSELF):
            assert linked == "-" or row.attach_point.answer == "not asked", (name, row)
            continue
        assert in_doubt or row.attach_point.answer in ("yes", "no"), row
        assert (linked == "0") == (row.attach_point.answer == "yes"), (name, linked, row)
        attached += linked == "0"
    assert attached


def test_the_names_of_what_is_missing(attachable: Object, built: Callable[[Object], Path]) -> None:
    said = rows(built(attachable))
    assert said["no_event"].attach_point.why == "it has no tracepoint sched:no_such_event"
    for name, why in (("no_typed", "tracepoint no_such_event"), ("no_tasks", "iterator no_such_i")):
        assert said[name].attach_point.why.startswith(f"its types have no {why}")
    assert said["no_library"].attach_point.why == "there is no file no_such_library.so.1"
    assert said["no_user"].attach_point.why.endswith("/libc.so.6 has no function no_such_function")


def test_without_rights_it_is_not_known(
    attachable: Object, built: Callable[[Object], Path], tmp_path: Path
) -> None:
    """As nobody: everything is explained; what only trying tells is not known."""
    copy = Path("/tmp") / f"probee-{tmp_path.name}.o"
    copy.write_bytes(built(attachable).read_bytes())
    try:
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable]
        root = Path(__file__).parents[2]
        words += ["-m", "probee", "inspect", "-p", "packets", "-p", "event", str(copy)]
        environment = {"PYTHONPATH": str(root), "PROBEE_CACHE_DIR": str(tmp_path / "none")}
        done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd="/")
    finally:
        copy.unlink()
    assert (done.returncode, done.stderr) == (0, "")
    assert "for each packet that comes in at a network interface" in done.stdout
    assert "loads here  not known" in done.stdout


@pytest.mark.oracle("bpftool", "clang-19")
@pytest.mark.parametrize("name", ["calls", "strings", "relocs"])
def test_bpftool_shows_the_same_of_programs_and_maps(
    name: str, built: Callable[[Object], Path], oracle: Callable[[str], str], bpffs: Path
) -> None:
    """What the kernel has of the object once it is loaded."""
    path = built(Object((name,), 19))
    with RunningFacts() as kernel:
        report = explain(str(path), path.read_bytes(), kernel)
    bpftool = oracle("bpftool")
    words = [bpftool, "prog", "loadall", str(path), str(bpffs / "p"), "pinmaps", str(bpffs / "m")]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        asked = [helper for program in report.programs for helper in program.helpers]
        assert any(helper.here.answer == "no" for helper in asked), done.stderr
        return
    for program in report.programs:
        shown = _shown(bpftool, "prog", bpffs / "p" / program.name)
        assert shown["type"] == program.type
        assert shown["gpl_compatible"] == report.gpl
        assert shown["name"] == program.name[:15]
    pinned = sorted((bpffs / "m").iterdir())
    assert len(pinned) == len(report.maps)
    rows = {map_.name: map_ for map_ in report.maps}
    for pin in pinned:
        shown = _shown(bpftool, "map", pin)
        # A data section's map is named after the object, and pinned with _ for its dots.
        row = rows.get(pin.name) or next(
            map_ for map_ in report.maps if pin.name.endswith(map_.name.replace(".", "_"))
        )
        assert (shown["type"], shown["bytes_key"]) == (row.type, row.key.size)
        assert (shown["bytes_value"], shown["max_entries"]) == (row.value.size, row.entries)
        assert row.here.answer == "yes"


def _shown(bpftool: str, what: str, pin: Path) -> dict[str, Any]:
    words = [bpftool, "-j", what, "show", "pinned", str(pin)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
