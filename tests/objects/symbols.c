/* Symbols of every binding, type and visibility, aliases, odd names, and labels in the code. */
#include "bpf.h"

int global_data = 1;
static volatile int local_data = 2;
__weak int weak_data = 3;
__hidden int hidden_data = 4;
__weak __hidden int weak_hidden_data = 5;
__attribute__((visibility("protected"))) int protected_data = 6;
int common_data;
extern int alias_data __attribute__((alias("global_data")));
int dotted __asm__("dotted.name") = 7;
int quoted __asm__("name with a space") = 8;
int a_name_that_is_longer_than_what_readelf_shows_without_wide_output = 9;

static __noinline int local_function(int value)
{
	return value + local_data + (int)bpf_ktime_get_ns();
}

__weak __noinline int weak_function(int value)
{
	return local_function(value) + weak_data;
}

__hidden __noinline int hidden_function(int value)
{
	return local_function(value) + hidden_data + weak_hidden_data;
}

SEC("kprobe/labels")
int labels(unsigned long *ctx)
{
	int sum = 0;

	switch (ctx[0] & 15) {
	case 0:
		sum = weak_function(global_data);
		break;
	case 3:
		sum = hidden_function(protected_data);
		break;
	case 9:
		sum = dotted + quoted + common_data;
		break;
	default:
		asm volatile goto("if %[a] > 7 goto %l[out]" : : [a] "r"(ctx[1]) : : out);
		asm volatile("local_label_%=:\n\tr0 = 0\n\tif r0 != 0 goto local_label_%=\n" ::: "r0");
		sum = 4 + a_name_that_is_longer_than_what_readelf_shows_without_wide_output;
	}
	return sum;
out:
	return alias_data;
}

/* Not in any section that libbpf knows. */
int lost SEC("unknown.section") = 11;

char LICENSE[] SEC("license") = "GPL";
