/* A BPF arena: pointers of address space 1, the cast between spaces, .addr_space.1. */
#include "bpf.h"

#define __arena __attribute__((address_space(1)))

struct {
	__uint(type, BPF_MAP_TYPE_ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 100);
	__ulong(map_extra, 0x1ULL << 44);
} arena SEC(".maps");

struct node {
	struct node __arena *next;
	__u64 value;
};

__u64 __arena in_arena;
struct node __arena *list;
int __arena numbers[4];

SEC("syscall")
int walk(void *ctx)
{
	struct node __arena *node;
	__u64 sum = 0;

	for (node = list; node; node = node->next)
		sum += node->value;
	in_arena = sum + numbers[1];
	bpf_map_lookup_elem(&arena, ctx);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
