"""Declarations of the kernel structs that tools share: each has the members that they read.

In: nothing. Out: classes, to be imported from `probee.kernel`. The names of members are those of
Linux's headers; where a kernel has no such member, loading a program that reads it says so.
"""

from __future__ import annotations

from probee.lang.kernel import Items, KernelStruct, Ptr, PtrArray
from probee.lang.types import Chars, KernelPtr, KernelStr, chars, s32, s64, u16, u32, u64


class NsCommon(KernelStruct, name="ns_common"):
    """What all namespaces have (include/linux/ns_common.h): `inum` is that of /proc/PID/ns."""

    inum: u32


class MntNamespace(KernelStruct, name="mnt_namespace"):
    """fs/mount.h."""

    ns: NsCommon
    root: Ptr[Mount]


class PidNamespace(KernelStruct, name="pid_namespace"):
    """include/linux/pid_namespace.h."""

    ns: NsCommon
    level: u32


class Upid(KernelStruct, name="upid"):
    """A process's number in one of its namespaces (include/linux/pid.h)."""

    nr: s32
    ns: Ptr[PidNamespace]


class Pid(KernelStruct, name="pid"):
    """Its numbers: the machine's own, and one for each namespace down to `level`."""

    level: u32
    numbers: Items[Upid]


class UtsNamespace(KernelStruct, name="uts_namespace"):
    """include/linux/utsname.h."""

    ns: NsCommon


class IpcNamespace(KernelStruct, name="ipc_namespace"):
    """include/linux/ipc_namespace.h."""

    ns: NsCommon


class CgroupNamespace(KernelStruct, name="cgroup_namespace"):
    """include/linux/cgroup_namespace.h."""

    ns: NsCommon


class Cgroup(KernelStruct, name="cgroup"):
    """include/linux/cgroup-defs.h; until Linux 6.0 with the ids of those above it, and its own."""

    level: s32
    ancestor_ids: Items[u64]


class CssSet(KernelStruct, name="css_set"):
    """The cgroups of a task (include/linux/cgroup-defs.h); `dfl_cgrp` is that of version 2."""

    dfl_cgrp: Ptr[Cgroup]


class NsProxy(KernelStruct, name="nsproxy"):
    """include/linux/nsproxy.h."""

    mnt_ns: Ptr[MntNamespace]
    uts_ns: Ptr[UtsNamespace]
    ipc_ns: Ptr[IpcNamespace]
    pid_ns_for_children: Ptr[PidNamespace]
    cgroup_ns: Ptr[CgroupNamespace]


class Qstr(KernelStruct, name="qstr"):
    """A name and its length (include/linux/dcache.h); `len` and `hash` share 8 bytes."""

    name: KernelStr
    len: u32
    hash: u32


class SuperBlock(KernelStruct, name="super_block"):
    """include/linux/fs.h; `s_dev` as the kernel counts: major << 20 | minor."""

    s_dev: u32
    s_magic: u64
    s_root: Ptr[Dentry]
    s_id: Chars = chars(32)


class Inode(KernelStruct, name="inode"):
    """include/linux/fs.h."""

    i_mode: u16
    i_ino: u64
    i_size: s64
    i_rdev: u32
    i_sb: Ptr[SuperBlock]


class Dentry(KernelStruct, name="dentry"):
    """include/linux/dcache.h."""

    d_flags: u32
    d_parent: Ptr[Dentry]
    d_name: Qstr
    d_inode: Ptr[Inode]
    d_sb: Ptr[SuperBlock]


class VfsMount(KernelStruct, name="vfsmount"):
    """include/linux/mount.h."""

    mnt_root: Ptr[Dentry]
    mnt_sb: Ptr[SuperBlock]
    mnt_flags: s32


class Mount(KernelStruct, name="mount"):
    """fs/mount.h: what a vfsmount is part of; `mnt_parent` of the topmost is itself."""

    mnt_parent: Ptr[Mount]
    mnt_mountpoint: Ptr[Dentry]
    mnt: VfsMount
    mnt_ns: Ptr[MntNamespace]
    mnt_id: s32


class Path(KernelStruct, name="path"):
    """include/linux/path.h."""

    mnt: Ptr[VfsMount]
    dentry: Ptr[Dentry]


class File(KernelStruct, name="file"):
    """include/linux/fs.h."""

    f_path: Path
    f_inode: Ptr[Inode]
    f_flags: u32
    f_mode: u32
    f_pos: s64


class FsStruct(KernelStruct, name="fs_struct"):
    """Root and working directory (include/linux/fs_struct.h)."""

    root: Path
    pwd: Path
    umask: s32


class FdTable(KernelStruct, name="fdtable"):
    """include/linux/fdtable.h."""

    max_fds: u32
    fd: PtrArray[File]


class FilesStruct(KernelStruct, name="files_struct"):
    """include/linux/fdtable.h."""

    fdt: Ptr[FdTable]


class MmStruct(KernelStruct, name="mm_struct"):
    """include/linux/mm_types.h."""

    exe_file: Ptr[File]
    arg_start: u64
    arg_end: u64
    env_start: u64
    env_end: u64


class Atomic(KernelStruct, name="atomic_t"):
    """A number that is changed in one step (include/linux/types.h)."""

    counter: s32


class SignalStruct(KernelStruct, name="signal_struct"):
    """What the threads of a process share (include/linux/sched/signal.h).

    `live`: threads that have not ended; `nr_threads`: those whose end was not waited for, too.
    """

    live: Atomic
    nr_threads: s32
    group_exit_code: s32


class PtRegs(KernelStruct, name="pt_regs"):
    """The registers with which a task entered the kernel; tables.architectures knows where."""


class TaskStruct(KernelStruct, name="task_struct"):
    """A thread (include/linux/sched.h): `pid` is the thread's number, `tgid` the process's.

    `real_parent` is the process that made it or took it over; times are ns of the clock
    CLOCK_MONOTONIC (`start_time`) and CLOCK_BOOTTIME (`start_boottime`).
    """

    pid: s32
    tgid: s32
    flags: u32
    exit_code: s32
    exit_signal: s32
    prio: s32
    start_time: u64
    start_boottime: u64
    utime: u64
    stime: u64
    real_parent: Ptr[TaskStruct]
    parent: Ptr[TaskStruct]
    group_leader: Ptr[TaskStruct]
    nsproxy: Ptr[NsProxy]
    files: Ptr[FilesStruct]
    fs: Ptr[FsStruct]
    mm: Ptr[MmStruct]
    signal: Ptr[SignalStruct]
    thread_pid: Ptr[Pid]
    cgroups: Ptr[CssSet]
    stack: KernelPtr
    comm: Chars = chars(16)
