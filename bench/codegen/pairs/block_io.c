#include "bpf.h"

/* A finished request: a record of many widths, for slow ones only. */
struct event {
	__u64 sector;
	__u64 latency;
	__u64 queued;
	__u32 pid;
	__u32 bytes;
	__u32 device;
	__s16 error;
	__u8 kind;
	__u8 flags;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");

const volatile __u64 least_ns = 1000;
__u64 lost;

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u64 issued = ctx->arg[2], inserted = ctx->arg[1], now = ctx->arg[3];
	__u64 latency = now - issued;
	__u32 op = ctx->arg[4];
	struct event *e;

	if (now < issued || latency < least_ns)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	e->sector = ctx->arg[0];
	e->latency = latency;
	e->queued = inserted && inserted <= issued ? issued - inserted : 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->bytes = ctx->arg[5] << 9;
	e->device = ctx->arg[6];
	e->error = ctx->arg[7];
	e->kind = op & 0xff;
	e->flags = (op & 0x800 ? 1 : 0) | (op & 0x10000 ? 2 : 0);
	bpf_ringbuf_submit(e, 0);
	return 1;
}
