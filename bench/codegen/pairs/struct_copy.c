#include "bpf.h"

/* A connection's numbers go from one table to another, when it closes. */
struct connection {
	__u64 began;
	__u64 sent;
	__u64 received;
	__u32 from;
	__u32 to;
	__u16 source;
	__u16 dest;
	__u32 state;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u64);
	__type(value, struct connection);
} open SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u64);
	__type(value, struct connection);
} closed SEC(".maps");

__u64 lost;

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u64 id = ctx->arg[0];
	struct connection *c = bpf_map_lookup_elem(&open, &id);
	struct connection new = {}, copy;

	if (!c) {
		new.began = ctx->arg[1];
		new.from = ctx->arg[2];
		new.to = ctx->arg[2] >> 32;
		new.source = ctx->arg[3];
		new.dest = ctx->arg[3] >> 16;
		if (bpf_map_update_elem(&open, &id, &new, BPF_ANY))
			__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	c->sent += ctx->arg[1] & 0xffff;
	c->received += 1;
	if (c->received < 4)
		return 1;
	copy = *c;
	copy.state = 7;
	if (bpf_map_update_elem(&closed, &id, &copy, BPF_ANY))
		__sync_fetch_and_add(&lost, 1);
	bpf_map_delete_elem(&open, &id);
	return 2;
}
