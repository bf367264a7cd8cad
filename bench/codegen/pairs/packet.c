#include "bpf.h"

/* The ports of a TCP packet over IPv4, read from the task that holds it. */
struct header {
	__u8 version_length;
	__u8 tos;
	__u16 total;
	__u16 id;
	__u16 fragment;
	__u8 ttl;
	__u8 protocol;
	__u16 sum;
	__u32 from;
	__u32 to;
	__u16 source;
	__u16 dest;
};

#define bpf_ntohs(x) __builtin_bswap16(x)
#define bpf_ntohl(x) __builtin_bswap32(x)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline void count(__u32 what, __u64 n)
{
	__u64 *value = bpf_map_lookup_elem(&seen, &what);

	if (value)
		*value += n;
}

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	struct header h = {};
	__u32 to;

	if (bpf_probe_read_user(&h, sizeof(h), (void *)ctx->arg[0])) {
		count(0, 1);
		return 0;
	}
	if (h.version_length >> 4 != 4 || (h.version_length & 15) != 5)
		return 1;
	if (h.protocol != 6 && h.protocol != 17)
		return 2;
	if (bpf_ntohs(h.fragment) & 0x1fff)
		return 3;
	count(1, bpf_ntohs(h.total));
	to = bpf_ntohl(h.to);
	if (to >> 24 == 127)
		count(2, 1);
	return bpf_ntohs(h.source) << 16 | bpf_ntohs(h.dest);
}
