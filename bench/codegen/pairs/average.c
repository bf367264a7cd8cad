#include "bpf.h"

/* A moving average and its deviation, in eighths, as TCP keeps them of round trips. */
struct rtt {
	__u32 smoothed;
	__u32 deviation;
	__u32 least;
	__u32 samples;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rtt);
} rtts SEC(".maps");

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u32 sample = ctx->arg[0];
	__u32 zero = 0;
	struct rtt *r = bpf_map_lookup_elem(&rtts, &zero);
	__s32 error;

	if (!r)
		return 0;
	if (sample == 0)
		sample = 1;
	if (r->samples == 0) {
		r->smoothed = sample << 3;
		r->deviation = sample << 1;
		r->least = sample;
	} else {
		error = sample - (r->smoothed >> 3);
		r->smoothed += error;
		if (error < 0)
			error = -error;
		error -= r->deviation >> 2;
		r->deviation += error;
		if (sample < r->least)
			r->least = sample;
	}
	r->samples += 1;
	return (r->smoothed >> 3) + r->deviation;
}
