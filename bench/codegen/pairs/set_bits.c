#include "bpf.h"

/* Which CPUs of a mask are set: how many, the first, the last. */
SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u64 mask = ctx->arg[0];
	__u32 count = 0, first = 64, last = 64;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 64; i++) {
		if (mask & 1) {
			if (first == 64)
				first = i;
			last = i;
			count++;
		}
		mask >>= 1;
		if (!mask)
			break;
	}
	return first | last << 8 | count << 16;
}
