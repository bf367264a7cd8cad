/* Numbers with a fraction, for which BTF has a kind since LLVM 12. In 11 their type is void: of
 * variables, members, elements and parameters. */
#include "bpf.h"

typedef float fraction;

float initialized = 1;
fraction zero;
static const volatile double constant = 3;

struct mixed {
	int number;
	float one;
	float two[2];
	fraction three;
	void (*called)(double, int);
} mixed;

SEC("raw_tp/sys_enter")
int use(void *ctx)
{
	mixed.number += *(int *)&initialized + *(int *)&zero;
	return *(const volatile int *)&constant;
}

char LICENSE[] SEC("license") = "GPL";
