/* CO-RE's question whether a type matches the kernel's: BPF_CORE_TYPE_MATCHES. */
#include "bpf.h"

struct task_struct {
	int pid;
	struct task_struct *real_parent;
};
enum hrtimer_mode { HRTIMER_MODE_ABS, HRTIMER_MODE_REL };

#define matches(type) __builtin_preserve_type_info(*(typeof(type) *)0, 2)

__u64 out;

SEC("raw_tp/sys_enter")
int match(void *ctx)
{
	out = matches(struct task_struct) + matches(enum hrtimer_mode) * 2;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
