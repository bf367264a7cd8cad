#include "bpf.h"

/* Division and remainder, by constants and by numbers that are only known at run time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 10);
	__type(key, __u32);
	__type(value, __u64);
} buckets SEC(".maps");

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u64 bytes = ctx->arg[0], ns = ctx->arg[1];
	__u32 weight = ctx->arg[2];
	__u64 rate = 0;
	__u32 bucket;
	__u64 *count;

	if (ns)
		rate = bytes * 1000000 / ns;
	if (weight > 1)
		rate = rate / weight + rate % weight;
	bucket = rate / 1024 % 10;
	count = bpf_map_lookup_elem(&buckets, &bucket);
	if (count)
		*count += rate;
	return rate / 60 % 60;
}
