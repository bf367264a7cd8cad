#include "bpf.h"

/* A program was started: who started it, and what; a record as long as its path. */
struct event {
	__u32 pid;
	__u32 ppid;
	__u32 uid;
	__s32 result;
	__u64 when;
	__u32 count;
	char comm[16];
	char path[4096];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 131072);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event);
} scratch SEC(".maps");

const volatile __s32 only_failed = 0;
const volatile __u32 only_uid = 0xffffffff;
__u64 lost;

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__s32 result = ctx->arg[3];
	__u32 uid = ctx->arg[2];
	struct event *e;
	__u32 zero = 0;
	__u64 n;

	if (only_uid != 0xffffffff && only_uid != uid)
		return 0;
	if (only_failed && result >= 0)
		return 0;
	e = bpf_map_lookup_elem(&scratch, &zero);
	if (!e)
		return 0;
	e->pid = ctx->arg[0] >> 32;
	e->ppid = ctx->arg[1];
	e->uid = uid;
	e->result = result;
	e->when = ctx->arg[4];
	e->count = ctx->arg[5];
	bpf_get_current_comm(&e->comm, sizeof(e->comm));
	n = bpf_probe_read_user_str(&e->path, sizeof(e->path), (void *)ctx->arg[6]);
	if ((long)n < 0) {
		__builtin_memcpy(e->path, "?", 2);
		n = 2;
	} else if (n == sizeof(e->path)) {
		e->path[sizeof(e->path) - 1] = 1;
	}
	if (n > sizeof(e->path))
		return 0;
	if (bpf_ringbuf_output(&events, e, __builtin_offsetof(struct event, path) + n, 0))
		__sync_fetch_and_add(&lost, 1);
	return 0;
}
