"""How the kernel was built and set, as far as BPF is concerned.

In: /proc/sys, and the kernel's configuration in /boot or /proc/config.gz. Out: rows.
"""

from __future__ import annotations

import os

from probee.frozen import Frozen

UNKNOWN = -1


class Setting(Frozen):
    """A number below /proc/sys; UNKNOWN where it cannot be read."""

    name: str
    value: int


class Config(Frozen):
    """Options of the kernel with their values, None for one that is not set.

    `why`: why there are none; it is "" where there are.
    """

    options: tuple[tuple[str, str | None], ...]
    why: str = ""


SETTINGS = (
    "kernel/unprivileged_bpf_disabled",
    "net/core/bpf_jit_enable",
    "net/core/bpf_jit_harden",
    "net/core/bpf_jit_kallsyms",
    "net/core/bpf_jit_limit",
)

# Options that decide what BPF can do, in the order in which bpftool shows them.
OPTIONS = (
    "BPF", "BPF_SYSCALL", "HAVE_EBPF_JIT", "BPF_JIT", "BPF_JIT_ALWAYS_ON", "DEBUG_INFO_BTF",
    "DEBUG_INFO_BTF_MODULES", "CGROUPS", "CGROUP_BPF", "CGROUP_NET_CLASSID", "SOCK_CGROUP_DATA",
    "BPF_EVENTS", "KPROBE_EVENTS", "UPROBE_EVENTS", "TRACING", "FTRACE_SYSCALLS",
    "FUNCTION_ERROR_INJECTION", "BPF_KPROBE_OVERRIDE", "NET", "XDP_SOCKETS", "LWTUNNEL_BPF",
    "NET_ACT_BPF", "NET_CLS_BPF", "NET_CLS_ACT", "NET_SCH_INGRESS", "XFRM", "IP_ROUTE_CLASSID",
    "IPV6_SEG6_BPF", "BPF_LIRC_MODE2", "BPF_STREAM_PARSER", "NETFILTER_XT_MATCH_BPF", "TEST_BPF",
    "HZ",
)  # fmt: skip

_SECOND_LINE = b"# Automatically generated file; DO NOT EDIT.\n"
_GZIP = b"\x1f\x8b"


def settings() -> tuple[Setting, ...] | None:
    """The settings; None where no /proc is mounted."""
    if not os.path.exists("/proc/self"):
        return None
    return tuple(Setting(path.rpartition("/")[2], _read(path)) for path in SETTINGS)


def _read(path: str) -> int:
    try:
        with open(f"/proc/sys/{path}", "rb", buffering=0) as file:
            return int(file.read(64) or b"")
    except (OSError, ValueError):
        return UNKNOWN


def config() -> Config:
    """The options of the running kernel, from the first file of its configuration that is there."""
    failed = ""
    for path in (f"/boot/config-{os.uname().release}", "/proc/config.gz"):
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            failed = f"can't open file: {error.strerror}"
            continue
        return parse(data)
    return Config((), failed)


def parse(data: bytes) -> Config:
    """The options in a file of configuration, compressed or not."""
    if data.startswith(_GZIP):
        import zlib

        try:
            data = zlib.decompress(data, 16 + zlib.MAX_WBITS)
        except zlib.error as error:
            return Config((), f"can't read from file: {error}")
    lines = data.splitlines(keepends=True)
    if len(lines) < 2 or lines[1] != _SECOND_LINE:
        return Config((), "can't find correct file")
    wanted = {f"CONFIG_{name}".encode(): b"" for name in OPTIONS}
    for line in lines:
        name, _, value = line.partition(b"=")
        if wanted.get(name) == b"":
            wanted[name] = value.rstrip(b"\n")
    return Config(
        tuple(
            (name.decode(), value.decode("utf-8", "surrogateescape") or None)
            for name, value in wanted.items()
        )
    )
