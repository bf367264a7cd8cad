"""bcc: who opens what, one record at the entry of openat. Arguments: `pid` or `uid`, its number."""

import sys

from bcc import BPF

PROGRAM = """
struct record {
    u32 pid;
    char comm[16];
    char path[256];
};

BPF_RINGBUF_OUTPUT(records, 512);

TRACEPOINT_PROBE(syscalls, sys_enter_openat)
{
    u32 pid = bpf_get_current_pid_tgid() >> 32;
    u32 uid = bpf_get_current_uid_gid();
    struct record *r;

    if (WHO != NUMBER)
        return 0;
    r = records.ringbuf_reserve(sizeof(*r));
    if (!r)
        return 0;
    r->pid = pid;
    bpf_get_current_comm(&r->comm, sizeof(r->comm));
    bpf_probe_read_user_str(&r->path, sizeof(r->path), args->filename);
    records.ringbuf_submit(r, 0);
    return 0;
}
"""

bpf = BPF(text=PROGRAM.replace("WHO", sys.argv[1]).replace("NUMBER", sys.argv[2]))
records = bpf["records"]


def show(_context, data, _size):
    record = records.event(data)
    path = record.path.decode(errors="replace")
    print(f"{record.pid:<7} {record.comm.decode(errors='replace'):<16} {path}")


records.open_ring_buffer(show)
try:
    while True:
        bpf.ring_buffer_poll()
        sys.stdout.flush()
except KeyboardInterrupt:
    pass
