/* Programs that attach by themselves: tracing, iterators, struct_ops with a link. */
#include "bpf.h"

struct sock;

struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	__u32 flags;
	char name[16];
	void *owner;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} walked SEC(".maps");

SEC("tp_btf/sys_enter")
int on_raw_tracepoint(__u64 *ctx)
{
	return 0;
}

SEC("iter/task")
int on_tasks(__u64 *ctx)
{
	return 0;
}

SEC("iter/bpf_map_elem")
int on_elements(__u64 *ctx)
{
	return 0;
}

SEC("iter/cgroup")
int on_cgroups(__u64 *ctx)
{
	return 0;
}

SEC("struct_ops/ssthresh")
__u32 on_ssthresh(__u64 *ctx)
{
	return 10;
}

SEC("struct_ops/cong_avoid")
void on_cong_avoid(__u64 *ctx)
{
}

SEC("struct_ops/undo_cwnd")
__u32 on_undo_cwnd(__u64 *ctx)
{
	return 10;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops prbcc = {
	.ssthresh = (void *)on_ssthresh,
	.cong_avoid = (void *)on_cong_avoid,
	.undo_cwnd = (void *)on_undo_cwnd,
	.name = "prbcc",
};

char LICENSE[] SEC("license") = "GPL";
