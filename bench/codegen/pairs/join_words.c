#include "bpf.h"

/* Up to 64 words, one behind the other in one buffer; a record as long as they are. */
struct words {
	__u32 count;
	char text[4096 + 256];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 131072);
} joined SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct words);
} scratch SEC(".maps");

__u64 lost;

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u64 two[2] = { ctx->arg[1], ctx->arg[2] };
	__u32 count = ctx->arg[0], zero = 0, at = 0;
	struct words *w;
	long n;

	w = bpf_map_lookup_elem(&scratch, &zero);
	if (!w)
		return 0;
	w->count = 0;
	for (__u32 i = 0; i < 64; i++) {
		if (i == count)
			break;
		at &= 4095;
		n = bpf_probe_read_user_str(w->text + at, 256, (void *)two[i & 1]);
		if (n > 0) {
			at += n;
			w->count++;
		}
	}
	if (at > sizeof(w->text))
		at = sizeof(w->text);
	if (bpf_ringbuf_output(&joined, w, __builtin_offsetof(struct words, text) + at, 0))
		__sync_fetch_and_add(&lost, 1);
	return 0;
}
