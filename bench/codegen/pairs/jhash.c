#include "bpf.h"

/* Bob Jenkins' mix of three words (public domain, 2006), as the kernel uses it. */
static __always_inline __u32 rol32(__u32 x, __u32 n)
{
	return x << n | x >> (32 - n);
}

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u32 a = ctx->arg[0], b = ctx->arg[1], c = ctx->arg[2];
	__u32 start = 0xdeadbeef + (3 << 2) + (__u32)ctx->arg[3];

	a += start;
	b += start;
	c += start;
	c ^= b;
	c -= rol32(b, 14);
	a ^= c;
	a -= rol32(c, 11);
	b ^= a;
	b -= rol32(a, 25);
	c ^= b;
	c -= rol32(b, 16);
	a ^= c;
	a -= rol32(c, 4);
	b ^= a;
	b -= rol32(a, 14);
	c ^= b;
	c -= rol32(b, 24);
	return c;
}
