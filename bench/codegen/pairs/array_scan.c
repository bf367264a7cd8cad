#include "bpf.h"

/* A loop over a table: the place of the smallest limit that holds a value. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 17);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u64 value = ctx->arg[0];
	__u32 i, place = 16, set = ctx->arg[1];
	__u64 *limit, *hit;

	if (set < 16) {
		limit = bpf_map_lookup_elem(&limits, &set);
		if (limit)
			*limit = value;
		return 0;
	}
#pragma clang loop unroll(disable)
	for (i = 0; i < 16; i++) {
		__u32 key = i;

		limit = bpf_map_lookup_elem(&limits, &key);
		if (!limit)
			return 0;
		if (value <= *limit) {
			place = i;
			break;
		}
	}
	hit = bpf_map_lookup_elem(&hits, &place);
	if (hit)
		*hit += 1;
	return place;
}
