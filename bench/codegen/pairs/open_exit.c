#include "bpf.h"

/* The exit of a traced call: a record of it, and what the entry kept is given back. */
struct event {
	__u32 pid;
	__u32 tid;
	__u32 uid;
	__s32 ret;
	__u32 flags;
	char comm[16];
	char path[64];
	__u32 padding;
};

struct call {
	const char *path;
	__u32 flags;
	__u32 mode;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct call);
} start SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");

__u64 lost;

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__s64 ret = ctx->arg[1];
	__u32 key = ctx->arg[0];
	struct call kept = {};
	struct call *call;
	struct event *e;
	long n;

	if (ctx->arg[4]) {
		kept.path = (const char *)ctx->arg[2];
		kept.flags = ctx->arg[3];
		if (bpf_map_update_elem(&start, &key, &kept, BPF_ANY))
			__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	call = bpf_map_lookup_elem(&start, &key);
	if (!call)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&lost, 1);
		goto out;
	}
	e->pid = id >> 32;
	e->tid = id;
	e->uid = bpf_get_current_uid_gid();
	e->ret = ret;
	e->flags = call->flags;
	e->padding = 0;
	bpf_get_current_comm(&e->comm, sizeof(e->comm));
	n = bpf_probe_read_user_str(&e->path, sizeof(e->path), call->path);
	if (n < 0)
		__builtin_memcpy(e->path, "?", 2);
	else if (n == sizeof(e->path))
		e->path[sizeof(e->path) - 1] = 1; /* the mark of a cut text */
	bpf_ringbuf_submit(e, 0);
out:
	bpf_map_delete_elem(&start, &key);
	return 0;
}
