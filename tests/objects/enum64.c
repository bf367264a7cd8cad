/* Enums whose values take 64 bits: BTF_KIND_ENUM64. */
#include "bpf.h"

enum wide { WIDE_ZERO, WIDE_ONE = 1ULL << 32, WIDE_TOP = 0xffffffffffffffffULL };
enum wide_signed { WIDE_LOW = -0x8000000000000000LL, WIDE_HIGH = 0x7fffffffffffffffLL };
enum wide_core { CORE_A = 1ULL << 40, CORE_B };

enum wide wide = WIDE_ONE;
enum wide_signed wide_signed = WIDE_LOW;
__u64 value;

SEC("raw_tp/sys_enter")
int use(void *ctx)
{
	value = __builtin_preserve_enum_value(*(enum wide_core *)CORE_A, 1);
	value += __builtin_preserve_enum_value(*(enum wide_core *)CORE_B, 0);
	return wide == WIDE_TOP || wide_signed == WIDE_HIGH;
}

char LICENSE[] SEC("license") = "GPL";
