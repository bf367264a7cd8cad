/* Maps as they were declared before BTF, in the section `maps`: libbpf 1.0 refuses them. */
#include "bpf.h"

struct bpf_map_def {
	__u32 type, key_size, value_size, max_entries, map_flags;
};

struct bpf_map_def SEC("maps") old_map = { BPF_MAP_TYPE_HASH, 4, 8, 100, 0 };

SEC("socket")
int use_old(void *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&old_map, &key) != NULL;
}

char LICENSE[] SEC("license") = "GPL";
