/* Atomic operations, 32-bit code and branches: what -mcpu=v1 to v4 tell apart. */
#include "bpf.h"

__u64 total;
__u32 narrow;
__s8 little;

SEC("fentry/some_function")
int add(__s32 *ctx)
{
	__s64 wide = ctx[0];
	__s32 value = (__u32)ctx[1] / (ctx[2] | 1U);

	__sync_fetch_and_add(&total, wide);
	__sync_fetch_and_add(&narrow, value);
	little = (__s8)value;
	if (value < (__s32)narrow)
		total += little;
	return __builtin_bswap32(narrow) + __builtin_bswap16(value) + (__builtin_bswap64(total) != 0);
}

char LICENSE[] SEC("license") = "GPL";
