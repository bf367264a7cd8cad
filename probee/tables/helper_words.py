"""What helpers do for a program, in words: one row a group of helpers.

In: a helper's name without `bpf_`. Out: a sentence without its subject and full stop. Helpers that
no row names are told by name alone. Source: the comments of enum bpf_func_id in linux/bpf.h.
"""

from __future__ import annotations

# patterns of names; what a program that calls one of them does
WORDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("probe_read_user", "probe_read_user_str", "copy_from_user", "copy_from_user_task"),
     "reads memory of processes"),
    (("probe_read", "probe_read_str", "probe_read_kernel", "probe_read_kernel_str"),
     "reads memory of the kernel"),
    (("probe_write_user",), "writes memory of processes"),
    (("get_current_pid_tgid", "get_ns_current_pid_tgid"),
     "asks which process and thread it runs for"),
    (("get_current_uid_gid",), "asks for whose user and group it runs"),
    (("get_current_comm",), "asks for the name of the task"),
    (("get_current_task", "get_current_task_btf", "task_pt_regs"),
     "looks into the task that it runs for"),
    (("get_current_cgroup_id", "get_current_ancestor_cgroup_id", "current_task_under_cgroup",
      "skb_cgroup_id", "skb_ancestor_cgroup_id", "sk_cgroup_id", "sk_ancestor_cgroup_id",
      "skb_under_cgroup", "get_cgroup_classid", "skb_cgroup_classid"), "asks for the cgroup"),
    (("ktime_get_ns", "ktime_get_boot_ns", "ktime_get_coarse_ns", "ktime_get_tai_ns",
      "jiffies64"), "takes the time"),
    (("get_smp_processor_id", "get_numa_node_id"), "asks which CPU it runs on"),
    (("get_prandom_u32",), "takes random numbers"),
    (("get_stackid", "get_stack", "get_task_stack"), "records stacks"),
    (("trace_printk", "trace_vprintk"), "prints into the kernel's trace_pipe"),
    (("perf_event_output", "skb_output", "xdp_output"), "sends records through a perf buffer"),
    (("ringbuf_output", "ringbuf_reserve", "ringbuf_submit", "ringbuf_discard",
      "ringbuf_reserve_dynptr", "ringbuf_submit_dynptr", "ringbuf_discard_dynptr"),
     "sends records through a ring buffer"),
    (("perf_event_read", "perf_event_read_value", "perf_prog_read_value", "read_branch_records",
      "get_branch_snapshot"), "reads counters of the CPU"),
    (("seq_printf", "seq_write", "seq_printf_btf"), "writes what the reader of its file sees"),
    (("send_signal", "send_signal_thread"), "sends signals"),
    (("override_return", "set_retval"), "changes what the call returns"),
    (("skb_load_bytes", "skb_load_bytes_relative", "skb_pull_data", "xdp_load_bytes",
      "msg_pull_data"), "reads packets"),
    (("skb_store_bytes", "xdp_store_bytes", "l3_csum_replace", "l4_csum_replace", "csum_diff",
      "csum_update", "csum_level", "skb_vlan_push", "skb_vlan_pop", "skb_change_proto",
      "skb_change_type", "skb_change_tail", "skb_change_head", "skb_adjust_room",
      "xdp_adjust_head", "xdp_adjust_tail", "xdp_adjust_meta", "skb_set_tunnel_key",
      "skb_set_tunnel_opt", "skb_ecn_set_ce", "msg_push_data", "msg_pop_data", "store_hdr_opt",
      "lwt_push_encap", "lwt_seg6_store_bytes", "skb_set_tstamp"), "changes packets"),
    (("redirect", "redirect_map", "clone_redirect", "redirect_neigh", "redirect_peer",
      "sk_redirect_map", "sk_redirect_hash", "msg_redirect_map", "msg_redirect_hash"),
     "sends packets another way"),
    (("fib_lookup", "get_route_realm"), "asks for routes"),
    (("sk_lookup_tcp", "sk_lookup_udp", "skc_lookup_tcp", "sk_assign", "sk_select_reuseport"),
     "chooses sockets"),
    (("setsockopt", "sock_ops_cb_flags_set", "bind"), "changes sockets"),
    (("getsockopt", "get_socket_cookie", "get_socket_uid", "tcp_sock", "sk_fullsock"),
     "asks for sockets"),
    (("sysctl_get_*",), "reads a setting of /proc/sys"),
    (("sysctl_set_new_value",), "changes a setting of /proc/sys"),
    (("tail_call",), "goes on in another program"),
    (("timer_*",), "sets timers"),
    (("d_path",), "asks for the paths of files"),
    (("sys_bpf", "sys_close"), "makes system calls of bpf()"),
    (("loop", "for_each_map_elem"), "calls a function of its own again and again"),
)  # fmt: skip


def words(name: str) -> str:
    """What a program does that calls `name`; "" for what no row names."""
    from fnmatch import fnmatchcase

    for patterns, sentence in WORDS:
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return sentence
    return ""
