#include "bpf.h"

/* How often each call was made, by whom. */
struct key {
	__u32 pid;
	__u32 call;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 6);
	__type(key, struct key);
	__type(value, __u64);
} counts SEC(".maps");

__u64 lost;

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	struct key key = { .pid = ctx->arg[0] >> 32, .call = ctx->arg[1] };
	__u64 one = 1;
	__u64 *count;

	count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		*count += 1;
	else if (bpf_map_update_elem(&counts, &key, &one, BPF_ANY))
		__sync_fetch_and_add(&lost, 1);
	return 0;
}
