"""Python-BPF: which thread calls openat. FIRST and LAST are replaced by the range of its ids.

Not the name of the file: none of its helpers reads a user's text.
"""

import sys
from ctypes import c_int32, c_int64, c_uint64, c_void_p

from pythonbpf import BPF, bpf, bpfglobal, map, section, struct
from pythonbpf.helper import comm, pid
from pythonbpf.maps import PerfEventArray


@bpf
@struct
class record:
    pid: c_uint64
    comm: str(16)


@bpf
@map
def records() -> PerfEventArray:
    return PerfEventArray(key_size=c_int32, value_size=c_int32)


@bpf
@section("tracepoint/syscalls/sys_enter_openat")
def enter(ctx: c_void_p) -> c_int64:
    e = record()
    e.pid = pid()
    if e.pid >= FIRST:
        if e.pid <= LAST:
            comm(e.comm)
            records.output(e)
    return 0


@bpf
@bpfglobal
def LICENSE() -> str:
    return "GPL"


def show(_cpu, e):
    print(f"{e.pid:<7} {e.comm.decode(errors='replace')}")


def forget(_cpu, count):
    print(f"{count} events lost", file=sys.stderr)


bpf_object = BPF()
bpf_object.load()
bpf_object.attach_all()
rows = bpf_object["records"]
rows.open_perf_buffer(show, struct_name="record", page_cnt=256, lost_callback=forget)
try:
    while True:
        rows.poll(100)
        sys.stdout.flush()
except KeyboardInterrupt:
    pass
