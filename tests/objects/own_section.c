/* A static function in the section of a program that calls it: libbpf refuses it, others take it. */
#include "bpf.h"

static __attribute__((section("kprobe/own"))) __noinline __u64 own(__u64 value)
{
	return value / 3 + bpf_get_current_pid_tgid();
}

SEC("kprobe/own")
int near(void *ctx)
{
	return own(5);
}

SEC("kretprobe/other")
int far(void *ctx)
{
	return own(6) + own(7);
}

char LICENSE[] SEC("license") = "GPL";
