/* A BTF type of each kind that C can say: what stands in no map is reached from a function. */
#include "bpf.h"

struct forward;
union forward_union;
enum forward_enum { FORWARD };
enum small { SMALL_A = -1, SMALL_B = 0x7fffffff };
enum big_unsigned { BIG_A = 0, BIG_B = 0xffffffff };
enum __attribute__((mode(byte))) tiny { TINY_A, TINY_B = 100 };
enum { ANONYMOUS_A = 3, ANONYMOUS_B };
typedef int (*callback_t)(struct forward *, const char *format, ...);
typedef struct {
	int unnamed;
} typedefed_t;
typedef typedefed_t again_t;

struct bits {
	__u32 a : 1;
	__s32 b : 7;
	__u32 : 0;
	__u64 c : 33;
	enum small d : 4;
	bool e : 1;
	__u8 f;
} __attribute__((packed));

struct node {
	struct node *next;
	struct node *volatile const *restrict prev;
	union {
		float f;
		double d;
		long double ld;
		struct {
			__s8 s8;
			__u16 u16;
			char c;
		};
	};
	__u32 flexible[];
};

union number {
	__u64 u64;
	__s32 s32[2];
	bool flag;
	callback_t call;
};

struct all {
	struct bits bits;
	struct node *list;
	union number number[2][3];
	struct forward *forward;
	union forward_union *forward_union;
	enum forward_enum forward_enum;
	enum small small;
	enum big_unsigned big;
	enum tiny tiny;
	again_t again;
	callback_t call;
	int (*nothing)(void);
	void (*const *const calls)(int, char);
	const volatile void *address;
	__int128 very_wide;
	char text[0];
} __tag("a struct");

struct tagged {
	int first __tag("a member") __tag("once more");
	int __attribute__((btf_type_tag("user"))) * pointer;
	int __attribute__((btf_type_tag("one"))) __attribute__((btf_type_tag("two"))) * both;
} __tag("tagged");
typedef int tagged_int __tag("a typedef");

struct all all_of_it __tag("a variable");
struct tagged tags;
tagged_int tagged_number;
static const volatile struct node a_node = { .f = 1.5F };
volatile enum small small_one = SMALL_B;
__weak int weak_variable = 1;

__noinline __tag("a function") int takes(struct tagged *tagged __tag("a parameter"), enum tiny tiny)
{
	return tagged ? tagged->first + tiny : ANONYMOUS_B;
}

SEC("raw_tp/sys_exit")
int use(struct all *ctx)
{
	all_of_it.bits.b += a_node.s8 + small_one + weak_variable + tagged_number;
	return takes(&tags, TINY_B);
}

char LICENSE[] SEC("license") = "GPL";
