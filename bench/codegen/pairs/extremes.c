#include "bpf.h"

/* The least, the greatest and the clamped sum of what each CPU saw. */
struct extremes {
	__s64 least;
	__s64 greatest;
	__u64 sum;
	__u64 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct extremes);
} seen SEC(".maps");

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__s64 value = ctx->arg[0];
	__u32 which = ctx->arg[1] & 1;
	struct extremes *x = bpf_map_lookup_elem(&seen, &which);
	__s64 clamped;

	if (!x)
		return 0;
	if (!x->count || value < x->least)
		x->least = value;
	if (!x->count || value > x->greatest)
		x->greatest = value;
	clamped = value;
	if (clamped < -100)
		clamped = -100;
	if (clamped > 1000)
		clamped = 1000;
	x->sum += clamped + 100;
	x->count += 1;
	return clamped;
}
