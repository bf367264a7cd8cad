/* Programs that any verifier takes, at hooks that a kernel has, and at hooks that none has. */
#include "bpf.h"

#define PROGRAM(section_, name_) \
	SEC(section_) int name_(void *ctx) { return 0; }

PROGRAM("tp/sched/sched_switch", event)
PROGRAM("tp/sched/no_such_event", no_event)
PROGRAM("raw_tp/sched_switch", raw)
PROGRAM("raw_tp/no_such_event", no_raw)
PROGRAM("tp_btf/sched_switch", typed)
PROGRAM("tp_btf/no_such_event", no_typed)
PROGRAM("fentry/do_unlinkat", entry)
PROGRAM("fentry/no_such_function", no_entry)
PROGRAM("fexit/do_unlinkat", end)
PROGRAM("kprobe/do_unlinkat", probe)
PROGRAM("kprobe/no_such_function", no_probe)
PROGRAM("iter/task", tasks)
PROGRAM("iter/no_such_iterator", no_tasks)
PROGRAM("lsm/file_open", security)
PROGRAM("lsm/no_such_hook", no_security)
PROGRAM("uprobe/libc.so.6:getpid", user)
PROGRAM("uprobe/libc.so.6:no_such_function", no_user)
PROGRAM("uprobe/no_such_library.so.1:getpid", no_library)
PROGRAM("uprobe.s/libc.so.6:getpid", sleepy_user)
PROGRAM("uretprobe/libc.so.6:getpid", user_end)
PROGRAM("xdp", packets)
PROGRAM("xdp.frags", parts)
PROGRAM("socket", sockets)
PROGRAM("tc", traffic)
PROGRAM("cgroup_skb/ingress", group)
PROGRAM("cgroup/sysctl", settings)
PROGRAM("perf_event", samples)
PROGRAM("sk_lookup", lookups)
PROGRAM("lirc_mode2", infrared)
PROGRAM("syscall", call)

char LICENSE[] SEC("license") = "GPL";
