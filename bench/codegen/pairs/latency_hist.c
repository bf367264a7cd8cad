#include "bpf.h"

#define SLOTS 26

/* How long calls took, in buckets of powers of two. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} start SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} hist SEC(".maps");

__u64 lost;

static __always_inline __u32 log2(__u32 v)
{
	__u32 r, shift;

	r = (v > 0xffff) << 4;
	v >>= r;
	shift = (v > 0xff) << 3;
	v >>= shift;
	r |= shift;
	shift = (v > 0xf) << 2;
	v >>= shift;
	r |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	r |= shift;
	r |= v >> 1;
	return r;
}

static __always_inline __u32 log2l(__u64 v)
{
	__u32 hi = v >> 32;

	return hi ? log2(hi) + 32 : log2(v);
}

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u32 tid = ctx->arg[0], slot;
	__u64 now = ctx->arg[1];
	__u64 *began, *count;
	__s64 delta;

	if (ctx->arg[2]) {
		if (bpf_map_update_elem(&start, &tid, &now, BPF_ANY))
			__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	began = bpf_map_lookup_elem(&start, &tid);
	if (!began)
		return 0;
	delta = now - *began;
	if (delta < 0)
		goto out;
	delta /= 1000U;
	slot = log2l(delta);
	if (slot >= SLOTS)
		slot = SLOTS - 1;
	count = bpf_map_lookup_elem(&hist, &slot);
	if (count)
		*count += 1;
out:
	bpf_map_delete_elem(&start, &tid);
	return 0;
}
