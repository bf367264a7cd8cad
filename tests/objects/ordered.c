/* Loads and stores with an order between CPUs, which clang writes since 21 at -mcpu=v4; and what must
 * not be reached, where it then calls a function of the kernel. */
#include "bpf.h"

__u8 tiny;
__u16 narrow;
__u32 word;
__u64 wide;

SEC("syscall")
int order(__u64 *ctx)
{
	__u64 sum = __atomic_load_n(&tiny, __ATOMIC_ACQUIRE);

	sum += __atomic_load_n(&narrow, __ATOMIC_ACQUIRE) + __atomic_load_n(&word, __ATOMIC_ACQUIRE);
	sum += __atomic_load_n(&wide, __ATOMIC_ACQUIRE);
	__atomic_store_n(&tiny, (__u8)sum, __ATOMIC_RELEASE);
	__atomic_store_n(&narrow, (__u16)sum, __ATOMIC_RELEASE);
	__atomic_store_n(&word, (__u32)sum, __ATOMIC_RELEASE);
	__atomic_store_n(&wide, sum, __ATOMIC_RELEASE);
	return sum != 0;
}

SEC("syscall")
int trap(int *ctx)
{
	if (ctx[0] != 1)
		__builtin_trap();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
