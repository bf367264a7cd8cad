"""What all tests share: when kernel and oracle tests run, and what they must leave behind: nothing.

PROBEE_REQUIRE=kernel,oracles turns the skips of those tests into failures.
"""

from __future__ import annotations

import ctypes
import itertools
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from scripts import oracles
from tests import kernel_state
from tests.objects import build
from tests.support import Cgroup, Spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REQUIRED = frozenset(filter(None, os.environ.get("PROBEE_REQUIRE", "").split(",")))
PR_SET_CHILD_SUBREAPER = 36


def pytest_configure(config: pytest.Config) -> None:
    unknown = REQUIRED - {"kernel", "oracles"}
    if unknown:
        raise pytest.UsageError(f"PROBEE_REQUIRE: {', '.join(sorted(unknown))}: no such thing")


# How long a case takes says how busy the machine is, not whether the code is right.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_report_header(config: pytest.Config) -> list[str]:
    needed = [row.tool for row in oracles.ORACLES if row.need == oracles.ALWAYS]
    missing = [tool for tool in needed if oracles.find(tool) is None]
    return [
        f"kernel tests: {kernel_state.why_no_bpf() or 'yes'}",
        f"missing oracles: {', '.join(missing) or 'none'}",
        f"required: {', '.join(sorted(REQUIRED)) or 'nothing'}",
    ]


def _do_without(what: str, reason: str) -> None:
    """Skip the test, or fail it where `what` must be there."""
    if what in REQUIRED:
        pytest.fail(f"PROBEE_REQUIRE has {what}, but: {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`kernel` needs bpf(); `oracle("bpftool", ...)` needs those tools."""
    if item.get_closest_marker("kernel") and (reason := kernel_state.why_no_bpf()):
        _do_without("kernel", reason)
    for mark in item.iter_markers("oracle"):
        for tool in mark.args:
            if oracles.find(tool) is None:
                _do_without("oracles", oracles.how_to_get(tool))


@pytest.fixture
def oracle() -> Callable[[str], str]:
    """`oracle("clang")` is the path of a real tool; without it the test skips, or fails."""

    def path_of(tool: str) -> str:
        path = oracles.find(tool)
        if path is None:
            _do_without("oracles", oracles.how_to_get(tool))
        assert path is not None
        return path

    return path_of


@pytest.fixture
def built() -> Callable[[build.Object], Path]:
    """`built(row)` is the file of a row of tests/objects; without its compiler as `oracle`."""

    def file_of(row: build.Object) -> Path:
        try:
            return build.path(row)
        except build.MissingToolError as missing:
            _do_without("oracles", str(missing))
            raise

    return file_of


@pytest.fixture(scope="session", autouse=True)
def _adopt_orphans() -> None:
    """Grandchildren whose parent died become ours, so that they are seen, and can be ended."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The person who runs the tests keeps their compile cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROBEE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


def _check_nothing_left(before: kernel_state.Snapshot) -> None:
    left = kernel_state.leaks(before)
    for pid in kernel_state.children() - before.children:
        os.kill(pid, 9)  # ours by descent; the next test must not suffer
        os.waitpid(pid, 0)
    if left:
        pytest.fail("left behind: " + "; ".join(left), pytrace=False)


@pytest.fixture(scope="module", autouse=True)
def _module_leaves_kernel_as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """The same for what fixtures of module scope hold."""
    module = request.node
    items = [item for item in request.session.items if item.getparent(pytest.Module) is module]
    if not any(item.get_closest_marker("kernel") for item in items) or kernel_state.why_no_bpf():
        yield
        return
    before = kernel_state.Snapshot.take()
    yield
    _check_nothing_left(before)


@pytest.fixture(autouse=True)
def _leaves_kernel_as_it_was(
    request: pytest.FixtureRequest, _module_leaves_kernel_as_it_was: None
) -> Iterator[None]:
    """A kernel test leaves no program, map, BTF, link, pin, mount or child process."""
    if not request.node.get_closest_marker("kernel"):
        yield
        return
    before = kernel_state.Snapshot.take()
    yield
    _check_nothing_left(before)


@pytest.fixture
def spawn(_leaves_kernel_as_it_was: None) -> Iterator[Spawn]:
    children = Spawn()
    yield children
    children.end()


_numbers = itertools.count()


@pytest.fixture
def cgroup() -> Iterator[Cgroup]:
    root = next((point for point, kind in kernel_state.mounts() if kind == "cgroup2"), None)
    if root is None:
        _do_without("kernel", "no cgroup2 is mounted")
    path = f"{root}/probee-test-{os.getpid()}-{next(_numbers)}"
    os.mkdir(path)
    group = Cgroup(path)
    yield group
    group.remove()
