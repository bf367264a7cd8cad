#include "bpf.h"

/* The decimal number that a text of at most eight bytes begins with. */
SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u64 text = ctx->arg[0];
	__u32 number = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < 8; i++) {
		__u32 digit = (text & 0xff) - '0';

		if (digit > 9)
			break;
		number = number * 10 + digit;
		text >>= 8;
	}
	return number;
}
