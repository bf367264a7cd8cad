/* Every relocation of code: ld_imm64 of maps, data and functions (R_BPF_64_64), calls within a
 * section, to .text and between sections (R_BPF_64_32), addresses in data (R_BPF_64_ABS64). */
#include "bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} last SEC(".maps");

__u64 seen;
static volatile __u64 hidden_seen;
int step = 3;
static volatile int inner_step = 4;
const volatile int limit = 100;
static volatile const int inner_limit = 101;
struct pair {
	__u32 pad;
	__u32 numbers[4];
} table = { .numbers = { 1, 2, 3, 4 } };
/* Addresses in data: the linker would fill them in; libbpf leaves them alone. */
int *where = &step;
const volatile void *const places[2] = { &limit, &table.numbers[2] };

static __noinline __u64 quiet(__u64 value)
{
	hidden_seen += value;
	return hidden_seen * inner_step;
}

__noinline int loud(int value)
{
	return value < limit ? (int)quiet(value) : inner_limit;
}

SEC("tracepoint/one")
__noinline int other(void *ctx)
{
	__u32 key = 0;
	__u64 *found = bpf_map_lookup_elem(&last, &key);

	if (found)
		*found = seen;
	return 1;
}

static long each(__u32 index, void *ctx)
{
	seen += index;
	return index > 5;
}

SEC("tracepoint/one")
int first(void *ctx)
{
	__u32 key = 1;
	__u64 value = quiet(7) + table.numbers[seen & 3];

	bpf_map_update_elem(&counts, &key, &value, BPF_ANY);
	bpf_loop(10, each, NULL, 0);
	return loud(step);
}

SEC("raw_tp/two")
int second(void *ctx)
{
	seen++;
	step = loud(1);
	return where ? *(volatile int *)&table.numbers[1] : places[seen & 1] == NULL;
}

char LICENSE[] SEC("license") = "GPL";
__u32 VERSION SEC("version") = 0x060100;
