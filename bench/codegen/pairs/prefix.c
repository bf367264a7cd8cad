#include "bpf.h"

/* What kind of task this is, by its name. */
static __always_inline bool starts(const char *name, const char *prefix, int size)
{
	return __builtin_memcmp(name, prefix, size) == 0;
}

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	char name[16] = {};

	if (bpf_probe_read_user(name, sizeof(name), (void *)ctx->arg[0]))
		return -1;
	if (starts(name, "kworker/", 8))
		return 1;
	if (starts(name, "ksoftirqd/", 10))
		return 2;
	if (starts(name, "sh", 3))
		return 3;
	if (starts(name, "python3", 7))
		return 4;
	return 0;
}
