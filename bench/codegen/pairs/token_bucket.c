#include "bpf.h"

/* Whether another event of this key may be reported: so many a second, with bursts. */
#define RATE 10
#define BURST 20
#define SECOND 1000000000ULL

struct bucket {
	__u64 last;
	__u64 tokens;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct bucket);
} buckets SEC(".maps");

__u64 lost;

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u32 key = ctx->arg[0];
	__u64 now = ctx->arg[1];
	struct bucket fresh = { .last = now, .tokens = BURST - 1 };
	struct bucket *b = bpf_map_lookup_elem(&buckets, &key);
	__u64 earned;

	if (!b) {
		if (bpf_map_update_elem(&buckets, &key, &fresh, BPF_ANY))
			__sync_fetch_and_add(&lost, 1);
		return 1;
	}
	earned = (now - b->last) * RATE / SECOND;
	if (now > b->last && earned) {
		b->tokens += earned;
		if (b->tokens > BURST)
			b->tokens = BURST;
		b->last = now;
	}
	if (!b->tokens)
		return 0;
	b->tokens -= 1;
	return 1;
}
