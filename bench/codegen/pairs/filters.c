#include "bpf.h"

/* Whether an event is wanted: by process, user and the first letters of a name. */
const volatile __u32 only_pid = 0;
const volatile __u32 only_uid = 0xffffffff;
const volatile __u64 name_low = 0;
const volatile __u64 name_mask = 0;

SEC("raw_tp/probee_codegen")
int program(struct args *ctx)
{
	__u64 id = ctx->arg[0];
	__u32 uid = ctx->arg[1];
	__u64 name = ctx->arg[2];
	__u32 pid = id >> 32;

	if (only_pid && pid != only_pid)
		return 0;
	if (only_uid != 0xffffffff && uid != only_uid)
		return 0;
	if (name_mask && (name & name_mask) != name_low)
		return 0;
	if (pid == 1 || uid == 65534)
		return 2;
	return 1;
}
