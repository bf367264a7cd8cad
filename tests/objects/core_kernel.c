/* CO-RE against what kernels really have: members in anonymous structs and unions, bit fields, arrays
 * in arrays, flexible arrays, other sizes and kinds, flavours, enumerators, types that match. */
#include "bpf.h"

struct qstr {
	union {
		struct {
			__u32 hash;
			__u32 len;
		};
		__u64 hash_len;
	};
	const unsigned char *name;
} __core;

struct dentry {
	struct qstr d_name;
	struct dentry *d_parent;
} __core;

struct sock_common {
	__u32 skc_daddr;
	__u16 skc_dport;
	unsigned char skc_reuse : 4;
	unsigned char skc_ipv6only : 1;
	volatile unsigned char skc_state;
} __core;

struct sock {
	struct sock_common __sk_common;
	int sk_type; /* of another size in the kernel */
} __core;

struct sk_buff {
	unsigned int len;
	__u8 pkt_type : 3;
	__u8 ip_summed : 2;
	__u32 mark;
	char cb[48];
} __core;

struct task_struct {
	int pid; /* no signed number of another size */
	long flags; /* of another size: signed here */
	__u64 exit_code; /* unsigned here, signed there */
	unsigned sched_reset_on_fork : 1;
	struct task_struct *group_leader;
	__u64 comm; /* an array there */
	const void *fs; /* a pointer to something else */
} __core;

struct task_struct___sizes {
	__u64 flags;
	__u64 policy;
	short prio;
} __core;

struct upid {
	int nr;
} __core;
struct pid {
	unsigned int level;
	struct upid numbers[];
} __core;

struct sockaddr_un {
	char sun_path[108];
} __core;

enum pid_type { PIDTYPE_PID = 40, PIDTYPE_SID = 41, PIDTYPE_NONE = 42 };
enum zone_type___now { ZONE_NORMAL = 9 };
enum bpf_cmd { BPF_MAP_CREATE = 7 };
enum bpf_cmd___not { BPF_NO_SUCH_COMMAND___new = 7 };

typedef int pid_t;
typedef struct {
	int gid;
} kgid_t;
typedef int (*initcall_t)(void);
typedef void (*initcall_t___not)(int);
struct list_head {
	struct list_head *next, *prev;
};
struct hlist_node___ours {
	struct hlist_node___ours *next;
	void *pprev;
};
struct timespec64 {
	long long tv_sec;
	long tv_nsec;
};
struct timespec64___narrow {
	int tv_sec;
};

#define field(record, info) __builtin_preserve_field_info(record, info)
#define enum_info(type, value, kind) \
	__builtin_preserve_enum_value(*(typeof(enum type) *)value, kind)
#define type_info(type, kind) __builtin_preserve_type_info(*(typeof(type) *)0, kind)
#define type_id(type) __builtin_btf_type_id(*(typeof(type) *)0, 1)
enum { OFFSET, SIZE, EXISTS, SIGNED, LEFT, RIGHT };
#define all(record) \
	(field(record, OFFSET) + field(record, SIZE) * field(record, EXISTS) + \
	 field(record, SIGNED) * field(record, LEFT) * field(record, RIGHT))
#define about(member) \
	(field(member, OFFSET) + field(member, SIZE) * field(member, EXISTS))

__u64 out;

SEC("tp_btf/sched_switch")
int members(__u64 *ctx)
{
	struct dentry *dentry = (void *)ctx[0];
	struct sock *sock = (void *)ctx[1];
	struct sk_buff *skb = (void *)ctx[2];
	struct task_struct *task = (void *)ctx[3];
	struct task_struct___sizes *sizes = (void *)ctx[3];
	struct sockaddr_un *address = (void *)ctx[0];
	struct pid *pid = (void *)ctx[1];

	out += dentry->d_name.len + dentry->d_name.hash_len + dentry->d_parent->d_name.hash;
	out += sock->__sk_common.skc_dport + sock->sk_type + skb->mark + skb->cb[7];
	out += task->pid + task->flags + task->exit_code + task->comm + (__u64)task->fs;
	out += sizes->flags + sizes->policy + sizes->prio;
	out += address->sun_path[107] + pid->numbers[1].nr + task[1].pid;
	return 0;
}

SEC("tp_btf/sched_switch")
int fields(__u64 *ctx)
{
	struct sock *sock = (void *)ctx[1];
	struct sk_buff *skb = (void *)ctx[2];
	struct task_struct *task = (void *)ctx[3];
	struct dentry *dentry = (void *)ctx[0];

	out += all(sock->__sk_common.skc_reuse) + all(sock->__sk_common.skc_ipv6only);
	out += all(skb->pkt_type) + all(skb->ip_summed) + all(task->sched_reset_on_fork);
	out += all(task->pid) + all(sock->__sk_common.skc_state);
	out += about(dentry->d_name) + about(skb->cb) + about(task->group_leader);
	return 0;
}

SEC("raw_tp/sys_enter")
int types(void *ctx)
{
	out += enum_info(pid_type, PIDTYPE_PID, 1) + enum_info(pid_type, PIDTYPE_SID, 0);
	if (enum_info(pid_type, PIDTYPE_NONE, 0))
		out += enum_info(pid_type, PIDTYPE_NONE, 1);
	out += enum_info(zone_type___now, ZONE_NORMAL, 1) + enum_info(bpf_cmd, BPF_MAP_CREATE, 1);
	out += enum_info(bpf_cmd___not, BPF_NO_SUCH_COMMAND___new, 0);
	out += type_id(pid_t) + type_id(kgid_t) + type_id(struct list_head);
	out += type_info(initcall_t, 0) + type_info(initcall_t___not, 0) * 2;
	out += type_info(kgid_t, 1) + type_info(struct sk_buff, 1) + type_info(pid_t, 0);
	return 0;
}

#if __clang_major__ >= 15
SEC("raw_tp/sys_enter")
int match(void *ctx)
{
	out += type_info(struct list_head, 2) + type_info(struct hlist_node___ours, 2) * 2;
	out += type_info(struct timespec64, 2) * 4 + type_info(struct timespec64___narrow, 2) * 8;
	out += type_info(kgid_t, 2) * 16 + type_info(enum bpf_cmd, 2) * 32;
	out += type_info(initcall_t, 2) * 64 + type_info(initcall_t___not, 2) * 128;
	return 0;
}
#endif

char LICENSE[] SEC("license") = "GPL";
