#include "bpf.h"

/* A connection's state after an event, and how often each change happened. */
enum { CLOSED, SENT, RECEIVED, ESTABLISHED, CLOSING };
enum { SYN = 1, ACK = 2, FIN = 4, RST = 8 };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} states SEC(".maps");

__u64 lost;

static __always_inline __u32 next(__u32 state, __u32 flags)
{
	if (flags & RST)
		return CLOSED;
	switch (state) {
	case CLOSED:
		if (flags & SYN)
			return flags & ACK ? RECEIVED : SENT;
		break;
	case SENT:
		if (flags & SYN && flags & ACK)
			return ESTABLISHED;
		break;
	case RECEIVED:
		if (flags & ACK)
			return ESTABLISHED;
		break;
	case ESTABLISHED:
		if (flags & FIN)
			return CLOSING;
		break;
	case CLOSING:
		if (flags & ACK)
			return CLOSED;
		break;
	}
	return state;
}

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u32 id = ctx->arg[0];
	__u32 flags = ctx->arg[1];
	__u32 *known = bpf_map_lookup_elem(&states, &id);
	__u32 state = known ? *known : CLOSED;
	__u32 after = next(state, flags);

	if (known) {
		*known = after;
	} else {
		if (bpf_map_update_elem(&states, &id, &after, BPF_ANY))
			__sync_fetch_and_add(&lost, 1);
	}
	return state << 8 | after;
}
