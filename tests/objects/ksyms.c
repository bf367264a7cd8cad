/* Externs of the kernel's symbols: variables with and without a type, functions, weak ones. */
#include "bpf.h"

struct rq {
	__u32 nr_running;
} __core;
struct task_struct;

extern const struct rq runqueues __ksym;
extern const int bpf_prog_active __ksym;
extern const void bpf_link_fops __ksym;
extern const void __per_cpu_start __ksym __weak;
extern const int no_such_variable __ksym __weak;

extern struct task_struct *bpf_task_acquire(struct task_struct *task) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
extern int no_such_function(int number, ...) __ksym __weak;

__u64 out;

SEC("tp_btf/task_newtask")
int use(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	const struct rq *rq = bpf_per_cpu_ptr(&runqueues, 0);

	if (rq)
		out += rq->nr_running;
	out += (__u64)&bpf_link_fops + *(const int *)&bpf_prog_active;
	if (&no_such_variable)
		out += no_such_variable;
	if (&__per_cpu_start)
		out++;
	if (no_such_function)
		out += no_such_function(3);
	task = bpf_task_acquire(task);
	if (task)
		bpf_task_release(task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
