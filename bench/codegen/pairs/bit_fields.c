#include "bpf.h"

/* Flags and small numbers, packed into a word and taken out of it. */
#define KIND_SHIFT 4
#define SIZE_SHIFT 12
#define WRITE 1
#define SYNC 2
#define DIRECT 8

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u32 word = ctx->arg[0];
	__u32 change = ctx->arg[1];
	__u32 kind = word >> KIND_SHIFT & 0xff;
	__u32 size = word >> SIZE_SHIFT & 0xfff;
	__u32 flags = word & 0xf;

	if (flags & WRITE)
		flags |= change & SYNC;
	else
		flags &= ~(__u32)SYNC;
	if (kind == 3)
		flags ^= DIRECT;
	size += change >> 16 & 0x3f;
	if (size > 0xfff)
		size = 0xfff;
	return (word & 0xff000000) | size << SIZE_SHIFT | kind << KIND_SHIFT | flags;
}
