/* Maps that are static: libbpf takes them, and the BPF linker keeps those of two files apart. */
#include "bpf.h"

static struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} private_one SEC(".maps");

static struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} private_two SEC(".maps");

SEC("socket")
int use_private(void *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&private_two, &key) || bpf_map_lookup_elem(&private_one, &key);
}

char LICENSE[] SEC("license") = "GPL";
