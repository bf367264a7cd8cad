#include "bpf.h"

/* Sums, differences and comparisons of 32-bit numbers with and without sign. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64);
} total SEC(".maps");

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__s32 a = ctx->arg[0], b = ctx->arg[1];
	__u32 c = ctx->arg[2], d = ctx->arg[3];
	__u32 zero = 0;
	__s64 sum = (__s64)a + b;
	__s64 *t;

	if (sum < 0)
		sum = -sum;
	if (c > d)
		sum += c - d;
	else
		sum -= d - c;
	if (a < 0 && (__s64)c > a)
		sum ^= c;
	t = bpf_map_lookup_elem(&total, &zero);
	if (t)
		*t += sum;
	return (__s32)sum >> 3;
}
