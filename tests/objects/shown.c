/* Values of every form in maps that can be shown, metadata, and names longer than the kernel's. */
#include "bpf.h"

enum colour { RED, GREEN = 5, BLUE = -2 };
enum __attribute__((mode(byte))) tiny { TINY_A, TINY_B = 100 };
struct packed_bits {
	__u32 a : 1;
	__s32 b : 7;
	__u32 : 0;
	__u64 c : 33;
	bool e : 1;
	__u8 f;
} __attribute__((packed));

struct everything {
	__u8 u8;
	__s8 s8;
	__u16 u16;
	__s16 s16;
	__u32 u32;
	__s32 s32;
	__u64 u64;
	__s64 s64;
	bool yes;
	char letter;
	char text[8];
	char unended[4];
	unsigned char octets[3];
	enum colour colour;
	enum tiny tiny;
	struct packed_bits bits;
	void *pointer;
	int (*call)(int);
	union {
		__u32 whole;
		__u16 halves[2];
	};
	struct {
		__u8 inner[2][3];
	} nested;
	struct {
	} nothing;
	int none[0];
	__int128 wide;
	unsigned __int128 wider;
	const volatile __u16 qualified;
};

struct key {
	__u32 id;
	char name[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct key);
	__type(value, struct everything);
} shown_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct key);
} shown_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, char[20]);
} shown_texts SEC(".maps");

struct inner_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} shown_inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner_map);
} shown_outer SEC(".maps") = { .values = { [1] = &shown_inner } };

__s32 counter = -7;
static volatile enum colour paint = GREEN;
struct key keys[2] = { { 1, "one" }, { 2, "tw\"" } };
const volatile __u32 limit = 99;
const char bpf_metadata_author[] SEC(".rodata") = "somebody";
const struct key bpf_metadata_version SEC(".rodata") = { 3, "x" };
volatile const int bpf_metadata_number = -4;

SEC("raw_tp/sys_enter")
int a_name_of_more_than_fifteen_characters(void *ctx)
{
	struct key key = { .id = counter + limit + paint };
	void *value = bpf_map_lookup_elem(&shown_hash, &key);

	if (value)
		counter++;
	bpf_map_lookup_elem(&shown_percpu, &key.id);
	bpf_map_lookup_elem(&shown_texts, &key.id);
	bpf_map_lookup_elem(&shown_outer, &key.id);
	return bpf_metadata_author[key.id & 3] + bpf_metadata_version.id + bpf_metadata_number + keys[0].id;
}

char LICENSE[] SEC("license") = "GPL";
