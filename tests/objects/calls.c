/* Subprograms: a chain in .text, one that two programs share, global and weak ones, callbacks,
 * arguments with tags. */
#include "bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} slots SEC(".maps");

struct sum {
	__u64 total;
	__u32 rounds;
};

static __noinline __u64 deepest(__u64 value)
{
	return value * bpf_ktime_get_ns();
}

static __noinline __u64 deeper(__u64 value)
{
	return deepest(value + 1) ^ 1;
}

__noinline int deep(__u32 value)
{
	return deeper(value) + deepest(3);
}

__weak __noinline int weak_one(__u32 value)
{
	return value & 7;
}

__hidden __noinline int hidden_one(__u32 value __tag("arg:scalar"))
{
	return deep(value) + weak_one(value);
}

static __noinline long own(__u64 value)
{
	return value / 3 + bpf_get_current_pid_tgid();
}

static long add(void *map, const void *key, __u64 *value, struct sum *sum)
{
	sum->total += deeper(*value);
	sum->rounds++;
	return 0;
}

static long again(__u32 index, struct sum *sum)
{
	sum->total += index;
	bpf_for_each_map_elem(&slots, add, sum, 0);
	return 0;
}

SEC("kprobe/two")
int with_chain(void *ctx)
{
	return own(5) + hidden_one(9);
}

SEC("kprobe/two")
int with_callbacks(void *ctx)
{
	struct sum sum = {};

	bpf_loop(4, again, &sum, 0);
	return sum.total + own(sum.rounds);
}

SEC("kretprobe/other")
int elsewhere(void *ctx)
{
	return hidden_one(1) + deep(2);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
