#include "bpf.h"

/* Keeps what the exit needs; for one process, if asked. */
struct call {
	const char *path;
	__u32 flags;
	__u32 mode;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct call);
} start SEC(".maps");

const volatile __u32 only_pid = 0;
__u64 lost;

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u64 id = ctx->arg[0];
	struct call call = {};
	__u32 tid = id;

	if (only_pid && only_pid != id >> 32)
		return 0;
	call.path = (const char *)ctx->arg[1];
	call.flags = ctx->arg[2];
	call.mode = ctx->arg[3];
	if (bpf_map_update_elem(&start, &tid, &call, BPF_ANY))
		__sync_fetch_and_add(&lost, 1);
	return 0;
}
