"""Words of bpftool for numbers in links: perf events, netfilter's hooks, orders of iterators.

Sources: link.c of bpftool 7.5; perf_event.h, netfilter.h, netfilter_arp.h and bpf.h of linux/.
"""

from __future__ import annotations

from probee.uapi import perf_event as perf

EVENT_TYPES = {
    perf.PERF_TYPE_HARDWARE: "hardware",
    perf.PERF_TYPE_SOFTWARE: "software",
    perf.PERF_TYPE_TRACEPOINT: "tracepoint",
    perf.PERF_TYPE_HW_CACHE: "hw-cache",
    perf.PERF_TYPE_RAW: "raw",
    perf.PERF_TYPE_BREAKPOINT: "breakpoint",
}
_HARDWARE = {
    perf.PERF_COUNT_HW_CPU_CYCLES: "cpu-cycles",
    perf.PERF_COUNT_HW_INSTRUCTIONS: "instructions",
    perf.PERF_COUNT_HW_CACHE_REFERENCES: "cache-references",
    perf.PERF_COUNT_HW_CACHE_MISSES: "cache-misses",
    perf.PERF_COUNT_HW_BRANCH_INSTRUCTIONS: "branch-instructions",
    perf.PERF_COUNT_HW_BRANCH_MISSES: "branch-misses",
    perf.PERF_COUNT_HW_BUS_CYCLES: "bus-cycles",
    perf.PERF_COUNT_HW_STALLED_CYCLES_FRONTEND: "stalled-cycles-frontend",
    perf.PERF_COUNT_HW_STALLED_CYCLES_BACKEND: "stalled-cycles-backend",
    perf.PERF_COUNT_HW_REF_CPU_CYCLES: "ref-cycles",
}
_SOFTWARE = {
    perf.PERF_COUNT_SW_CPU_CLOCK: "cpu-clock",
    perf.PERF_COUNT_SW_TASK_CLOCK: "task-clock",
    perf.PERF_COUNT_SW_PAGE_FAULTS: "page-faults",
    perf.PERF_COUNT_SW_CONTEXT_SWITCHES: "context-switches",
    perf.PERF_COUNT_SW_CPU_MIGRATIONS: "cpu-migrations",
    perf.PERF_COUNT_SW_PAGE_FAULTS_MIN: "minor-faults",
    perf.PERF_COUNT_SW_PAGE_FAULTS_MAJ: "major-faults",
    perf.PERF_COUNT_SW_ALIGNMENT_FAULTS: "alignment-faults",
    perf.PERF_COUNT_SW_EMULATION_FAULTS: "emulation-faults",
    perf.PERF_COUNT_SW_DUMMY: "dummy",
    perf.PERF_COUNT_SW_BPF_OUTPUT: "bpf-output",
    perf.PERF_COUNT_SW_CGROUP_SWITCHES: "cgroup-switches",
}
_CACHES = {
    perf.PERF_COUNT_HW_CACHE_L1D: "L1-dcache",
    perf.PERF_COUNT_HW_CACHE_L1I: "L1-icache",
    perf.PERF_COUNT_HW_CACHE_LL: "LLC",
    perf.PERF_COUNT_HW_CACHE_DTLB: "dTLB",
    perf.PERF_COUNT_HW_CACHE_ITLB: "iTLB",
    perf.PERF_COUNT_HW_CACHE_BPU: "branch",
    perf.PERF_COUNT_HW_CACHE_NODE: "node",
}
_CACHE_OPERATIONS = {
    perf.PERF_COUNT_HW_CACHE_OP_READ: "load",
    perf.PERF_COUNT_HW_CACHE_OP_WRITE: "store",
    perf.PERF_COUNT_HW_CACHE_OP_PREFETCH: "prefetch",
}
_CACHE_RESULTS = {
    perf.PERF_COUNT_HW_CACHE_RESULT_ACCESS: "refs",
    perf.PERF_COUNT_HW_CACHE_RESULT_MISS: "misses",
}

# Protocol families: NFPROTO_*. Their hooks: NF_INET_*, which bridges share, and NF_ARP_*.
FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
_INET_HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_HOOKS = {1: _INET_HOOKS, 2: _INET_HOOKS, 3: ("input", "output"), 7: _INET_HOOKS, 10: _INET_HOOKS}

# enum bpf_cgroup_iter_order
_ORDERS = ("order_unspec", "self_only", "descendants_pre", "descendants_post", "ancestors_up")


def event_config(type: int, config: int) -> str | None:
    """The word for a perf event's configuration, None where it is a number."""
    if type == perf.PERF_TYPE_HW_CACHE:
        cache, operation, result = config & 0xFF, config >> 8 & 0xFF, config >> 16
        return "-".join(
            (
                _CACHES.get(cache, str(cache)),
                _CACHE_OPERATIONS.get(operation, str(operation)),
                _CACHE_RESULTS.get(result, str(result)),
            )
        )
    table = {perf.PERF_TYPE_HARDWARE: _HARDWARE, perf.PERF_TYPE_SOFTWARE: _SOFTWARE}.get(type, {})
    return table.get(config)


def hook(family: int, number: int) -> str | None:
    """The word for a netfilter hook of a protocol family."""
    hooks = _HOOKS.get(family, ())
    return hooks[number] if number < len(hooks) else None


def order(number: int) -> str:
    """The word for the order in which an iterator walks cgroups."""
    return _ORDERS[number] if number < len(_ORDERS) else "unknown"
