/* CO-RE of fields: offsets by direct access and through preserve_access_index, existence, size,
 * sign, the shifts of a bitfield; nested, anonymous, in arrays, of flavours. */
#include "bpf.h"

struct upid {
	int nr;
	void *ns;
} __core;

struct pid {
	int level;
	struct upid numbers[4];
} __core;

struct task_struct {
	unsigned int flags;
	int tgid;
	struct task_struct *real_parent;
	struct pid *thread_pid;
	char comm[16];
	unsigned in_execve : 1;
	unsigned in_iowait : 1;
	int sched_class : 5;
	__u64 wide_bits : 40;
	struct {
		__u64 anonymous;
		union {
			__u32 either;
			__u16 or[2];
		};
	};
	struct {
		struct {
			__s8 deepest;
		} deeper[3];
	} deep;
} __core;

struct task_struct___old {
	long state;
} __core;

struct thread_info___x86 {
	__u32 status;
};
typedef struct {
	int counter;
} __core atomic_t;

union number {
	__u32 whole;
	__u8 parts[4];
} __core;

#define field(record, info) __builtin_preserve_field_info(record, info)
enum { OFFSET, SIZE, EXISTS, SIGNED, LEFT, RIGHT };

__u64 out;

SEC("tp_btf/sched_switch")
int direct(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[1];

	out += task->tgid + task->real_parent->real_parent->flags;
	out += task->thread_pid->numbers[2].nr + task->comm[5];
	out += task->anonymous + task->either + task->or[1] + task->deep.deeper[2].deepest;
	return 0;
}

SEC("kprobe/do_exit")
int by_read(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	union number *number = ctx;
	atomic_t *atomic = ctx;
	struct pid pid;
	int value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), &task->thread_pid->level);
	out += value;
	bpf_probe_read_kernel(&pid, sizeof(struct upid), &task->thread_pid->numbers[value & 3]);
	bpf_probe_read_kernel(&value, sizeof(value),
			      __builtin_preserve_access_index(&((struct thread_info___x86 *)ctx)->status));
	bpf_probe_read_kernel(&value, 1, &number->parts[3]);
	bpf_probe_read_kernel(&value, 4, &atomic->counter);
	out += value + number->whole;
	return 0;
}

SEC("kprobe/do_exit")
int of_fields(void *ctx)
{
	struct task_struct *task = ctx;
	struct task_struct___old *old = ctx;

	if (field(old->state, EXISTS))
		out += field(old->state, OFFSET) + field(old->state, SIZE) + field(old->state, SIGNED);
	out += field(task->sched_class, OFFSET) + field(task->sched_class, SIZE);
	out += field(task->sched_class, SIGNED) + field(task->in_iowait, SIGNED);
	out += field(task->sched_class, LEFT) + field(task->sched_class, RIGHT);
	out += field(task->wide_bits, LEFT) * field(task->wide_bits, RIGHT);
	out += field(task->comm, SIZE) + field(task->deep, SIZE) + field(task->in_execve, EXISTS);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
