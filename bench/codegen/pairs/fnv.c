#include "bpf.h"

/* FNV-1a over the bytes of two words. */
static __always_inline __u32 fnv1a(__u32 hash, __u64 word)
{
#pragma clang loop unroll(disable)
	for (int i = 0; i < 8; i++) {
		hash ^= word & 0xff;
		hash *= 16777619;
		word >>= 8;
	}
	return hash;
}

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u32 hash = 2166136261;

	hash = fnv1a(hash, ctx->arg[0]);
	hash = fnv1a(hash, ctx->arg[1]);
	return hash;
}
