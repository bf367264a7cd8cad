/* String literals: .rodata.str1.1 and its wider kin, beside arrays of chars in .rodata. */
#include "bpf.h"

static const char *const words[] = { "alpha", "beta", "gamma" };
const char *chosen = "delta";
volatile __u32 number;

SEC("tp/syscalls/sys_enter_openat")
int say(void *ctx)
{
	const char there[] = "in .rodata.cst or on the stack %d";
	static const char kept[] = "kept %s";

	bpf_trace_printk("a literal\n", 11);
	bpf_trace_printk("another %d\n", 12, number);
	bpf_trace_printk(there, sizeof(there), 3);
	bpf_trace_printk(kept, sizeof(kept), words[number & 1]);
	bpf_trace_printk((const char *)L"wide", 8);
	return 0;
}

char LICENSE[] SEC("license") = "GPL v2";
