"""What this kernel can do with programs, as a report: settings, types, helpers, abilities.

In: /proc, the kernel's configuration, and what the kernel says to small programs and maps.
Out: `Report`, whose rows stand in the order in which they are asked for.
"""

from __future__ import annotations

import os
from itertools import compress

from probee.frozen import Frozen
from probee.host.halves import shared
from probee.host.type_probes import (
    MISC,
    has_bpf,
    has_misc,
    helper_probe,
    makes_map,
    takes_program,
)
from probee.introspect.bpftool.builtins import (
    LAST_MAP,
    LAST_PROGRAM,
    helpers as known_helpers,
    until,
)
from probee.introspect.loaded.settings import Config, Setting, config, settings
from probee.tables.maps import MAP_TYPES
from probee.tables.programs import PROGRAM_TYPES

# To ask for these the kernel writes a warning into its log.
_NOISY = {"bpf_trace_printk", "bpf_trace_vprintk", "bpf_probe_write_user"}
# Programs of these types cannot be loaded without a place that they attach to.
_NEED_A_PLACE = {"tracing", "ext", "lsm", "struct_ops"}

# What hardware of an interface may take: types of programs, types of maps.
_OFFLOAD_PROGRAMS = {"sched_cls", "xdp"}
_OFFLOAD_MAPS = {"hash", "array"}

_NETRONOME = 0x19EE
# What its driver says of helpers that the card has not.
_NETRONOME_SAYS = (b"not supported by FW", b"unsupported function id")


# What it takes to be asked everything.
RIGHTS = ("CAP_SYS_ADMIN", "CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON")


class Helpers(Frozen):
    """The helpers that a type of program may call: all names, and which of them."""

    type: str
    supported: bool
    asked: tuple[str, ...]
    available: frozenset[str]


class Report(Frozen):
    """All that was asked for; a part that was not is None.

    `types`, `maps` and `misc`: names and whether the kernel has them.
    """

    settings: tuple[Setting, ...] | None
    config: Config | None
    syscall: bool
    types: tuple[tuple[str, bool], ...] = ()
    maps: tuple[tuple[str, bool], ...] = ()
    helpers: tuple[Helpers, ...] = ()
    misc: tuple[tuple[str, bool], ...] = ()


def report(*, interface: int = 0, full: bool = False) -> Report:
    """Asks the kernel, or the hardware of `interface`.

    `full`: also helpers of which the kernel writes a warning into its log.
    """
    set_, built = (None, None) if interface else (settings(), config())
    if not has_bpf():
        return Report(set_, built, False)
    types = tuple(
        (name, takes_program(name, interface))
        for name in until((row.name for row in PROGRAM_TYPES), LAST_PROGRAM)
        if not interface or name in _OFFLOAD_PROGRAMS
    )
    maps = tuple(
        (name, makes_map(name, interface))
        for name in until((row.name for row in MAP_TYPES), LAST_MAP)
        if not interface or name in _OFFLOAD_MAPS
    )
    asked = {name: n for name, n in known_helpers().items() if full or name not in _NOISY}
    helpers = _helpers(types, asked, interface)
    misc = tuple((name, has_misc(name, interface)) for name in MISC)
    return Report(set_, built, True, types, maps, helpers, misc)


def _helpers(
    types: tuple[tuple[str, bool], ...], asked: dict[str, int], interface: int
) -> tuple[Helpers, ...]:
    """The helpers of each type. Those are thousands of programs: a child process loads half."""
    wanted = [name for name, taken in types if taken and (interface or name not in _NEED_A_PLACE)]

    def ask(name: str) -> bytes:
        """One byte for each helper: 1 for yes."""
        return bytes(map(helper_probe(name, interface, _refusals(interface)), asked.values()))

    answers = dict(zip(wanted, shared(ask, wanted, len(asked)), strict=True))
    return tuple(
        Helpers(name, taken, tuple(asked), frozenset(compress(asked, answers.get(name, b""))))
        for name, taken in types
    )


def _refusals(interface: int) -> tuple[bytes, ...]:
    """What the interface's driver says of a helper that there is not."""
    return _NETRONOME_SAYS if interface and _vendor(interface) == _NETRONOME else ()


def _vendor(interface: int) -> int:
    from _socket import if_indextoname

    try:
        path = f"/sys/class/net/{if_indextoname(interface)}/device/vendor"
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        return int(os.read(fd, 8), 0)
    except (OSError, ValueError):
        return -1
    finally:
        os.close(fd)
