/* Code that clang-19 writes for -mcpu=v4: sign-extending moves and loads, long jumps, may_goto. */
#include "bpf.h"

__s16 input[64];
__s64 out;

SEC("syscall")
int extend(void *ctx)
{
	__s64 sum = 0;

	for (int i = 0; i < 64; i++) {
		sum += input[i] % 7;
		asm volatile goto("gotol %l[out]" : : : : out);
		sum /= 3;
	}
	out = sum;
	return (__s8)sum;
out:
	return (__s16)sum;
}

char LICENSE[] SEC("license") = "GPL";
