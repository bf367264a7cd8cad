/* CO-RE of types and of enum values: ids here and in the kernel, existence, size. */
#include "bpf.h"

struct task_struct {
	int pid;
};
struct no_such_struct {
	int member;
};
union thing {
	int one;
	char two;
};
enum state { STATE_A = 5, STATE_B = -3 };
typedef unsigned long long counter_t;
typedef struct task_struct task_t;
typedef int (*function_t)(struct task_struct *task, long number);
typedef int array_t[5];

#define type_info(type, kind) __builtin_preserve_type_info(*(typeof(type) *)0, kind)
#define type_id(type, kind) __builtin_btf_type_id(*(typeof(type) *)0, kind)
#define enum_info(type, value, kind) __builtin_preserve_enum_value(*(typeof(enum type) *)value, kind)
enum { LOCAL, TARGET };
enum { TYPE_EXISTS, TYPE_SIZE };
enum { ENUM_EXISTS, ENUM_VALUE };

__u64 out;

SEC("raw_tp/sys_enter")
int types(void *ctx)
{
	out = type_id(struct task_struct, LOCAL) + type_id(struct task_struct, TARGET);
	out += type_id(counter_t, TARGET) + type_id(union thing, LOCAL);
	out += type_info(struct no_such_struct, TYPE_EXISTS);
	out += type_info(struct task_struct, TYPE_EXISTS) * type_info(struct task_struct, TYPE_SIZE);
	out += type_info(union thing, TYPE_SIZE) + type_info(enum state, TYPE_EXISTS);
	out += type_info(task_t, TYPE_EXISTS) + type_info(counter_t, TYPE_SIZE);
	out += type_info(function_t, TYPE_EXISTS) + type_info(array_t, TYPE_SIZE);
	return 0;
}

SEC("raw_tp/sys_exit")
int values(void *ctx)
{
	if (enum_info(state, STATE_A, ENUM_EXISTS))
		out += enum_info(state, STATE_A, ENUM_VALUE);
	out -= enum_info(state, STATE_B, ENUM_VALUE) + enum_info(state, STATE_B, ENUM_EXISTS);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
