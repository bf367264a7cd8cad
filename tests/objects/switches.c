/* Switches of many cases, for which clang 22 writes tables to jump through at -mcpu=v4: in a program,
 * and in a subprogram that two programs share, behind another function. */
#include "bpf.h"

int out;

static __noinline int first(int *ctx)
{
	return ctx[7] + out;
}

#define TABLE(number, to)                  \
	switch (number) {                  \
	case 0: to = 7; break;             \
	case 1: to = ctx[1] * 3; break;    \
	case 2: to = ctx[2] + 11; break;   \
	case 3: to = ctx[1] / 5U; break;   \
	case 4: to ^= 99; break;           \
	case 5: to = ctx[3] - 2; break;    \
	case 6: to |= 5; break;            \
	case 7: to += ctx[4]; break;       \
	case 8: to = ctx[2] * 9; break;    \
	case 9: to = -ctx[5]; break;       \
	case 10: to = ctx[1] ^ 0x33; break; \
	case 11: to &= 15; break;          \
	case 12: to = ctx[1] % 9U; break;  \
	case 13: to = ctx[4] + ctx[1]; break; \
	case 14: to <<= 2; break;          \
	case 15: to = ctx[2] >> 3; break;  \
	default: to = -1;                  \
	}

static __noinline int shared(int *ctx)
{
	int found = ctx[6];

	TABLE(ctx[8], found);
	TABLE(ctx[9] - 100, found);
	return found;
}

SEC("syscall")
int alone(int *ctx)
{
	TABLE(ctx[0], out);
	return out;
}

SEC("syscall")
int one(int *ctx)
{
	return shared(ctx) + first(ctx);
}

SEC("socket")
int other(int *ctx)
{
	return first(ctx) - shared(ctx);
}

char LICENSE[] SEC("license") = "GPL";
