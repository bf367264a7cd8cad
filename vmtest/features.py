"""The feature probes beside the versions that the tables tell: a contradiction is a bug in either.

In: the running kernel. Out: a line for each probe whose answer is not what its `since` says.

Only here does a kernel's version decide anything: probee itself probes, and this says whether the
probes can be believed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from probee.host import probes
from probee.tables import helpers, maps, programs

# The first Linux that has what the probe of this name asks for.
SINCE = {
    "isa_v2": "4.14",
    "isa_v3": "5.1",
    "isa_v4": "6.6",
    "atomic_fetch": "5.12",
    "ringbuf": "5.8",
    "mmapable": "5.5",
    "rdonly_prog": "5.2",
    "prog_name": "4.15",
    "perf_link": "5.15",
    "cookie": "5.15",
    "ns_pid": "5.7",
    # probee/btf/lower.py
    "btf_func": "5.0",
    "btf_datasec": "5.2",
    "btf_func_global": "5.6",
    "btf_float": "5.13",
    "btf_decl_tag": "5.16",
    "btf_type_tag": "5.17",
    "btf_enum64": "6.0",
    "btf_qmark_datasec": "6.9",
    "btf_tag_attributes": "6.15",
}
# Program types whose probe needs no target to attach to: these can tell of a helper.
PLAIN = (
    "tracepoint", "kprobe", "raw_tracepoint", "perf_event", "xdp", "sched_cls", "socket_filter",
    "cgroup_skb", "sock_ops", "sk_skb", "sk_msg", "sk_reuseport", "flow_dissector", "lwt_in",
    "lwt_xmit", "lwt_seg6local", "cgroup_device", "cgroup_sysctl", "cgroup_sock",
)  # fmt: skip
# Helpers of which these probes cannot tell, and why.
UNTOLD = {
    "override_return": "CONFIG_BPF_KPROBE_OVERRIDE decides",
    "probe_write_user": "LOCKDOWN_BPF_WRITE_USER decides",
    "copy_from_user": "for sleepable programs alone when it was new",
    "copy_from_user_task": "the same: seen on 6.1",
}


def version(text: str) -> tuple[int, int]:
    """`6.1.0-56-amd64` -> (6, 1).

    >>> version("6.1.0-56-amd64")
    (6, 1)
    """
    major, minor = re.findall(r"[0-9]+", text)[:2]
    return int(major), int(minor)


def contradictions() -> Iterator[str]:
    """A line each; nothing where probes and tables agree. An unknown answer (None) is one too."""
    running = version(os.uname().release)
    for name in probes.PROBES:
        yield from _judge(f"feature {name}", probes.probe(name), SINCE[name], running)
    for row in maps.MAP_TYPES:
        answer = probes.probe_map_type(row)
        if answer is not None:
            yield from _judge(f"map type {row.name}", answer, row.since, running)
    for helper in helpers.all_helpers():
        if helper.name in UNTOLD or helper.tracing:
            continue
        types = [programs.by_name(name) for name in PLAIN if name in helper.program_types]
        types = [row for row in types if version(row.since) <= running]
        if types:
            answers = (probes.probe_helper(row.number, helper.id) for row in types)
            yield from _judge(f"helper {helper.name}", _one(answers), helper.since, running)


def _one(answers: Iterator[bool | None]) -> bool | None:
    """Yes if one says so; no if all do."""
    unknown = False
    for answer in answers:
        if answer:
            return True
        unknown |= answer is None
    return None if unknown else False


def _judge(what: str, answer: bool | None, since: str, running: tuple[int, int]) -> Iterator[str]:
    if answer is not (version(since) <= running):
        said = {True: "yes", False: "no", None: "unknown"}[answer]
        yield f"{what}: the probe says {said}, the table since {since}"
