"""Live variables and losses against the kernel's memory."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from probee.errors import NotSupportedError, UsageError
from probee.runtime.losses import Loss
from probee.runtime.variables import Section
from tests.kernel.live_programs import (
    PACKET,
    every,
    label,
    lost,
    only,
    probe,
    session,
    total,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.runtime.session import Session

pytestmark = pytest.mark.kernel


@pytest.fixture
def live() -> Iterator[Session]:
    with closing(session(consts={only: 77}).load()) as made:
        yield made


def test_a_program_sees_what_user_space_writes(live: Session) -> None:
    live[total].value = 1000
    live[probe].test_run(PACKET, repeat=5)
    assert live[total].value == 1005
    live[total].value = (1 << 64) - 1
    live[probe].test_run(PACKET)
    assert live[total].value == 0


def test_variables_beside_one_another_are_apart(live: Session) -> None:
    live[total].value, live[lost].value, live[every].value = 1, 2, 3
    live[label].value = "fifteen letters"
    assert (live[total].value, live[lost].value, live[every].value) == (1, 2, 3)
    assert live[label].value == "fifteen letters"
    live[label].value = ""
    assert live[label].value == ""
    assert live[every].value == 3


@pytest.mark.parametrize("value", [-1, 1 << 32, "1", 1.5, None])
def test_what_does_not_fit_is_refused(live: Session, value: Any) -> None:
    with pytest.raises(UsageError, match="every: "):
        live[every].value = value
    assert live[every].value == 0


def test_a_constant_is_read_only(live: Session) -> None:
    assert live[only].value == 77
    with pytest.raises(UsageError, match="fixed when the programs are loaded"):
        live[only].value = 1


def test_no_half_written_number_is_ever_read(live: Session) -> None:
    """The program adds to `total` while it is read and set: all 8 bytes change at once."""
    number = live[total]
    steps = [0, (1 << 64) - 1 - (1 << 20)]  # they differ in every byte
    thread = threading.Thread(target=lambda: live[probe].test_run(PACKET, repeat=30_000))
    thread.start()
    turn = 0
    while thread.is_alive():
        turn += 1
        number.value = steps[turn % 2]
        value = number.value
        assert value <= 30_000 or value >= steps[1]
    thread.join()


def test_without_shared_memory_it_is_read_by_calls(live: Session) -> None:
    """As before Linux 5.5, where data sections cannot be mapped."""
    live[total].value = 5
    live[every].value = 6
    loaded = live._loaded
    assert loaded is not None
    section = Section(loaded.maps[".bss"].fd, 40, 0)
    assert int.from_bytes(section.read(0, 8), "little") == 5
    assert int.from_bytes(section.read(16, 4), "little") == 6
    with pytest.raises(NotSupportedError, match="writing a Global"):
        section.write(0, bytes(8))
    section.close()


def test_losses_are_the_counters_that_are_not_zero(live: Session) -> None:
    assert live.losses() == []
    live[lost].value = 3
    assert live.losses() == [Loss("ring_full", "events", 3, "probe")]
    live[total].value = 2
    trap = live.losses()[1]
    assert trap == Loss("trap", "KeyError", 2, "probe", "probe.py", 7, "m[k] = 1")
    assert str(trap) == "2 times probe stopped by KeyError (probe.py:7: m[k] = 1)"
    assert "3 records lost: ring buffer events was full" in str(live.losses()[0])


def test_closing_twice_and_use_after(live: Session) -> None:
    number = live[total]
    live.close()
    live.close()
    with pytest.raises(UsageError, match="closed"):
        _ = number.value
    with pytest.raises(UsageError, match="closed"):
        number.value = 1
