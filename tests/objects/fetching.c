/* Atomics that fetch, exchange and compare: from -mcpu=v3 on. */
#include "bpf.h"

__u64 total, word;
__u32 narrow;

SEC("fentry/some_function")
int exchange(__u64 *ctx)
{
	__u64 was = __sync_fetch_and_add(&total, ctx[0]);

	was += __sync_lock_test_and_set(&word, was);
	was += __sync_val_compare_and_swap(&narrow, 1, 2);
	was ^= __sync_fetch_and_or(&word, 5) + __sync_fetch_and_and(&total, 6);
	return was + __sync_fetch_and_xor(&total, 3);
}

char LICENSE[] SEC("license") = "GPL";
