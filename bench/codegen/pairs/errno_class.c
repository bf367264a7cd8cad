#include "bpf.h"

/* Nested conditions: what to do about the result of a call. */
SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__s32 ret = ctx->arg[0];
	__u32 flags = ctx->arg[1];
	__u64 took = ctx->arg[2];

	if (ret >= 0) {
		if (took < 1000)
			return 0;
		if (took < 1000000)
			return flags & 4 ? 1 : 2;
		return ret == 0 ? 3 : 4;
	}
	if (ret == -11 || ret == -4)
		return 5;
	if (ret == -2) {
		if (flags & 64)
			return 6;
		return flags & 3 ? 7 : 8;
	}
	if (ret < -100 && ret > -112)
		return 9;
	if (ret == -1 || ret == -13)
		return 10;
	return ret < -4095 ? 12 : 11;
}
