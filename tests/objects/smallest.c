/* The least that libbpf takes: one program and a license. */
#include "bpf.h"

SEC("xdp")
int pass(void *ctx)
{
	return 2;
}

char LICENSE[] SEC("license") = "MIT";
