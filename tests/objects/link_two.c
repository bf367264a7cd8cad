/* The other half: defines what the first one uses, with names that both have. */
#include "bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} shared SEC(".maps");

static volatile int same_name = 10;
int shared_number = 5;
__weak int either_number = 40;
const volatile char text[] = "of the second";

struct task_struct {
	int tgid;
} __core;

static __noinline int helper(int value)
{
	return value * same_name;
}

__weak __noinline int either(int value)
{
	return helper(value) + 2;
}

__noinline int other_half(int value)
{
	return helper(value) + either(value) + text[value & 3];
}

SEC("kprobe/linked")
int two(struct task_struct *ctx)
{
	return other_half(ctx->tgid);
}

SEC("tracepoint/sched/sched_switch")
int three(void *ctx)
{
	return either(shared_number);
}

char LICENSE[] SEC("license") = "GPL";
