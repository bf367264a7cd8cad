/* BTF-defined maps of every type, with every attribute that libbpf knows. */
#include "bpf.h"

struct key {
	__u32 pid;
	char comm[16];
};
struct value {
	__u64 count;
	__u32 spin_lock;
	struct {
		__u8 inner[3];
	};
};

#define SIZED(name_, type_, key_, value_, entries_, flags_) \
	struct { \
		__uint(type, type_); \
		__uint(key_size, key_); \
		__uint(value_size, value_); \
		__uint(max_entries, entries_); \
		__uint(map_flags, flags_); \
	} name_ SEC(".maps")

#define TYPED(name_, type_, key_, value_, entries_, flags_) \
	struct { \
		__uint(type, type_); \
		__type(key, key_); \
		__type(value, value_); \
		__uint(max_entries, entries_); \
		__uint(map_flags, flags_); \
	} name_ SEC(".maps")

TYPED(hash, BPF_MAP_TYPE_HASH, struct key, struct value, 1024, BPF_F_NO_PREALLOC);
TYPED(array, BPF_MAP_TYPE_ARRAY, __u32, __u64, 4, BPF_F_MMAPABLE);
SIZED(progs, BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 8, 0);
SIZED(events, BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 0, 0);
TYPED(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, __u64, struct value, 10, 0);
TYPED(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64[3], 10, 0);
SIZED(stacks, BPF_MAP_TYPE_STACK_TRACE, 4, 127 * 8, 100, 0);
SIZED(cgroups, BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 2, 0);
TYPED(lru, BPF_MAP_TYPE_LRU_HASH, __u32, __u32, 3, 0);
TYPED(lru_percpu, BPF_MAP_TYPE_LRU_PERCPU_HASH, __u32, __u32, 3, 0);
TYPED(trie, BPF_MAP_TYPE_LPM_TRIE, struct key, __u8, 3, BPF_F_NO_PREALLOC);
SIZED(devices, BPF_MAP_TYPE_DEVMAP, 4, 8, 4, 0);
SIZED(sockets, BPF_MAP_TYPE_SOCKMAP, 4, 8, 4, 0);
SIZED(cpus, BPF_MAP_TYPE_CPUMAP, 4, 8, 4, 0);
SIZED(xsks, BPF_MAP_TYPE_XSKMAP, 4, 4, 4, 0);
SIZED(sockhash, BPF_MAP_TYPE_SOCKHASH, 8, 8, 4, 0);
SIZED(ports, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 4, 0);
SIZED(devhash, BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 4, 0);

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 12);
	__type(value, struct value);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 12);
	__uint(value_size, 24);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} user_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 100);
	__uint(map_extra, 5);
	__type(value, __u32);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct value);
} task_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} sk_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} inode_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} cgrp_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, __u64);
	__type(value, __u64);
} cgroup_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 7);
	__uint(map_flags, BPF_F_NUMA_NODE);
	__uint(numa_node, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u32);
} pinned SEC(".maps");

/* Key and value by size and by type at once, which must agree; a map named by a typedef. */
typedef struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, sizeof(struct key));
	__uint(value_size, sizeof(__u64));
	__type(key, struct key);
	__type(value, __u64);
	__uint(max_entries, 9);
	__uint(pinning, LIBBPF_PIN_NONE);
} both_t;
both_t both SEC(".maps");

SEC("raw_tp/sys_enter")
int use(void *ctx)
{
	struct key key = { .pid = 1 };
	struct value *value = bpf_map_lookup_elem(&hash, &key);

	if (value)
		value->count++;
	bpf_ringbuf_output(&ring, &key, sizeof(key), 0);
	bpf_map_delete_elem(&both, &key);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
