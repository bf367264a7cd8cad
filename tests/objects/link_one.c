/* One half of what the BPF linker joins: uses what the other half defines. */
#include "bpf.h"

extern struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} shared __attribute__((section(".maps")));
extern int shared_number;
extern int other_half(int value);
extern int LINUX_KERNEL_VERSION __kconfig;

static volatile int same_name = 1;
int own_number = 2;
const volatile int constant_one = 3;
__weak int either_number = 4;

static __noinline int helper(int value)
{
	return value + same_name;
}

__weak __noinline int either(int value)
{
	return helper(value) + 1;
}

SEC("kprobe/linked")
int one(void *ctx)
{
	__u32 key = 0;

	bpf_map_lookup_elem(&shared, &key);
	own_number += either_number + constant_one + LINUX_KERNEL_VERSION;
	return other_half(shared_number) + helper(3) + either(2);
}

char LICENSE[] SEC("license") = "GPL";
