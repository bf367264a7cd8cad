"""The limit on locked memory: raised when a creation fails for it, and only then."""

from __future__ import annotations

import errno

import pytest

from probee.errors import KernelError
from probee.host import memlock


class Kernel:
    """Refuses with `number` until the limit is raised; `raised` counts the attempts to."""

    def __init__(self, number: int, *, can_raise: bool) -> None:
        self.number, self.can_raise, self.raised, self.tries = number, can_raise, 0, 0

    def create(self) -> int:
        self.tries += 1
        if self.number and not (self.raised and self.can_raise):
            raise KernelError("bpf(BPF_MAP_CREATE)", self.number)
        return 7

    def raise_limit(self) -> bool:
        self.raised += 1
        return self.can_raise


@pytest.mark.parametrize(
    ("number", "can_raise", "raised", "tries", "works"),
    [
        (0, True, 0, 1, True),
        (errno.EPERM, True, 1, 2, True),
        (errno.EPERM, False, 1, 1, False),
        (errno.EINVAL, True, 0, 1, False),
    ],
)
def test_the_limit_is_raised_on_eperm_only(
    number: int,
    can_raise: bool,
    raised: int,
    tries: int,
    works: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = Kernel(number, can_raise=can_raise)
    monkeypatch.setattr(memlock, "raise_limit", kernel.raise_limit)
    if works:
        assert memlock.with_memlock(kernel.create) == 7
    else:
        with pytest.raises(KernelError):
            memlock.with_memlock(kernel.create)
    assert (kernel.raised, kernel.tries) == (raised, tries)
