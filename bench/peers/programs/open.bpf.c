/* The same tool's kernel side in C, for the time that clang and bpftool take over it: a record at
 * the exit of each call that opens, with the name out of the registers saved at its entry. */
#include "bpf.h"

static void *(*current_task)(void) = (void *)158;
static void *(*task_pt_regs)(void *task) = (void *)175;

struct pt_regs {
	unsigned long si, di;
} __attribute__((preserve_access_index));

struct sys_exit {
	__u64 common;
	__s32 number;
	__s64 ret;
};

struct record {
	char comm[16];
	__u64 ids;
	__s64 ret;
	char path[256];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 << 20);
} records SEC(".maps");

const volatile __u32 only_pid = 0;
__u64 lost;

static __always_inline int report(struct sys_exit *ctx, const void *path)
{
	__u64 ids = bpf_get_current_pid_tgid();
	struct record *r;

	if (only_pid && only_pid != ids >> 32)
		return 0;
	r = bpf_ringbuf_reserve(&records, sizeof(*r), 0);
	if (!r) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	r->ids = ids;
	r->ret = ctx->ret;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	if (bpf_probe_read_user_str(r->path, sizeof(r->path), path) < 0)
		__builtin_memcpy(r->path, "?", 2);
	bpf_ringbuf_submit(r, 0);
	return 0;
}

#define EXIT(call, argument)                                                                  \
	SEC("tracepoint/syscalls/sys_exit_" #call)                                            \
	int exit_##call(struct sys_exit *ctx)                                                 \
	{                                                                                     \
		struct pt_regs *regs = task_pt_regs(current_task());                          \
		return report(ctx, (const void *)argument);                                   \
	}

EXIT(open, regs->di)
EXIT(creat, regs->di)
EXIT(openat, regs->si)
EXIT(openat2, regs->si)
EXIT(open_by_handle_at, 0)
