"""Opens by io_uring: requests of the operations OPENAT and OPENAT2.

In: the tracepoints where a request is submitted, ends, or fails before it is one. Out: a record for
each open that ended.

A request ends later than it is submitted, and in whatever task then runs, so what is known of it is
kept from the one to the other: in one of `entries`, found by the request's address, the record that
will be sent. The task is the submitter; where a kernel thread polls the ring
(IORING_SETUP_SQPOLL), that thread, which is one of its process. The name is the kernel's own copy.

A request that cannot be prepared, since its name's address is bad for one, is not submitted: it is
seen at `io_uring_req_failed` alone. One that wants no word of its success
(IOSQE_CQE_SKIP_SUCCESS) tells nobody of it: such are counted as lost.
"""

from __future__ import annotations

from probee import (
    Array,
    Context,
    Global,
    Hash,
    KernelStr,
    KernelStruct,
    Ptr,
    Queue,
    Struct,
    UserStr,
    atomic_add,
    atomic_fetch_add,
    cast,
    current,
    has_field,
    ktime_get_boot_ns,
    offsetof,
    read_str,
    s32,
    s64,
    tp_btf,
    tracepoint,
    u8,
    u32,
    u64,
)
from probee.errors import ProbeeError
from probee.host.tracefs import Tracefs
from probee.klib.filters import task_ids, wanted
from probee.klib.paths import kernel_path_wanted
from probee.klib.results import wanted_result
from probee.klib.walk import NAME_ROOM, locate
from probee.tools.opensnoop.calls import MODE_BITS, NOWHERE, RESOLVE_IN_ROOT, asked_how
from probee.tools.opensnoop.rows import (
    OPENAT,
    OPENAT2,
    SLOT,
    URING,
    Located,
    More,
    Open,
    located,
    located_opens,
    min_ns,
    more,
    more_opens,
    opens,
    report,
    scratch as located_scratch,
    timed,
    wanted_end,
    wanted_flags,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.lang.programs import Program

OP_OPENAT, OP_OPENAT2 = 18, 28  # enum io_uring_op, include/uapi/linux/io_uring.h
ANY_SLOT = -1  # IORING_FILE_INDEX_ALLOC: the kernel chooses, and the result says which
SKIPS_SUCCESS = 1 << 6  # IOSQE_CQE_SKIP_SUCCESS, and REQ_F_CQE_SKIP of a request's flags


class Filename(KernelStruct, name="filename"):
    """A name that was copied from user space, and, before 7.0, from where: include/linux/fs.h."""

    name: KernelStr
    uptr: UserStr


class DelayedFilename(KernelStruct, name="delayed_filename"):
    """The same since 7.0."""

    __incomplete_filename: Ptr[Filename]


class How(KernelStruct, name="open_how"):
    """include/uapi/linux/openat2.h."""

    flags: u64
    mode: u64
    resolve: u64


class Sqe(KernelStruct, name="io_uring_sqe"):
    """A request as it was asked for: include/uapi/linux/io_uring.h. `off`: of openat2 its how."""

    opcode: u8
    fd: s32
    off: u64
    addr: u64
    len: u32
    open_flags: u32


class IoOpen(KernelStruct, name="io_open"):
    """What a request is, once it is prepared: io_uring/openclose.c."""

    dfd: s32
    file_slot: u32
    filename: Ptr[Filename]
    how: How


class DelayedOpen(KernelStruct, name="io_open___delayed"):
    """The same since 7.0."""

    filename: DelayedFilename


class Request(KernelStruct, name="io_kiocb"):
    """include/linux/io_uring_types.h."""

    opcode: u8


class Asked(Struct):
    """A request under way: the record that will be sent, as far as it is known.

    `size`: how many bytes the name takes in the record. `name`, `at`, `in_root`: what it is
    relative to, for -F.
    """

    name: UserStr
    at: s32
    in_root: bool
    size: u32
    known: More


SEVERAL = 1024  # requests under way, 4 MB: names are kept whole
entries = Array(Asked, max_entries=SEVERAL)
entry_of = Hash(u64, u32, max_entries=SEVERAL)  # by the request's address
free = Queue(u32, max_entries=SEVERAL)  # numbers of entries that were used and are not
used = Global(u64, 0)  # how many ever were
untold = Global(u64, 0)


def forget(address: u64) -> None:
    """Frees the entry of an earlier request in the same place, whose end there was no room for."""
    number = entry_of.pop(address, None)
    if number is not None:
        atomic_add(untold.value, 1)
        free.push(number)


def entry() -> u64:
    """The number of a free one of the `entries`, or one that there is not."""
    number = free.pop()
    return atomic_fetch_add(used.value, 1) if number is None else number


def name_of(address: u64) -> Filename:
    """The name that a request has."""
    if has_field(IoOpen, "filename"):
        return cast(IoOpen, address).filename
    return cast(DelayedOpen, address).filename.__incomplete_filename


def submitted(address: u64, opcode: u32, quiet: bool) -> None:
    """Keeps what is known of an open that was submitted, if it is wanted."""
    forget(address)
    ids = task_ids()
    way = URING | (OPENAT if opcode == OP_OPENAT else OPENAT2)
    asked = cast(IoOpen, address)
    how = asked.how
    filename = name_of(address)
    if not wanted(ids) or not kernel_path_wanted(filename.name):
        return
    if not wanted_flags(how.flags, way):
        return
    number = SEVERAL if quiet else entry()
    if number >= SEVERAL:
        atomic_add(untold.value, 1)
        return
    a = entries[number]
    a.name = filename.uptr if has_field(Filename, "uptr") else NOWHERE
    a.at, a.in_root = asked.dfd, how.resolve & RESOLVE_IN_ROOT != 0
    m = a.known
    m.time, m.latency, m.flags, m.mode = ktime_get_boot_ns(), 0, how.flags, how.mode
    m.uid, m.cgroup = current.uid, current.cgroup_id
    e = m.open
    e.comm = current.comm
    e.ids, e.way, e.ret, e.unread = ids, way, asked.file_slot, 0
    e.path = read_str(filename.name, default="?")
    a.size = len(e.path.raw) + 1
    entry_of[address] = number


@tracepoint("io_uring:io_uring_submit_req")
def submit_req(ctx: Context) -> None:
    if ctx.opcode == OP_OPENAT or ctx.opcode == OP_OPENAT2:
        submitted(ctx.req, ctx.opcode, ctx.flags & SKIPS_SUCCESS != 0)


@tracepoint("io_uring:io_uring_submit_sqe")
def submit_sqe(ctx: Context) -> None:
    if ctx.opcode == OP_OPENAT or ctx.opcode == OP_OPENAT2:
        submitted(ctx.req, ctx.opcode, ctx.flags & SKIPS_SUCCESS != 0)


@tp_btf("io_uring_req_failed")
def req_failed(ctx: Context) -> None:
    sqe = cast(Sqe, ctx.sqe)
    opcode = sqe.opcode
    if opcode != OP_OPENAT and opcode != OP_OPENAT2:
        return
    address: u64 = ctx.req
    forget(address)
    ids = task_ids()
    ret: s64 = ctx.error
    if wanted_end(ids, ret):
        now = ktime_get_boot_ns() if timed else 0
        way, flags, mode = URING | OPENAT, u64(sqe.open_flags), u64(sqe.len & MODE_BITS)
        in_root = False
        if opcode == OP_OPENAT2:
            way, flags, mode, in_root = asked_how(URING | OPENAT2, sqe.off)
        path: UserStr = sqe.addr  # type: ignore[assignment] # a request holds it as a number
        report(ctx, ids, ret, way, path, flags, mode, 0, now, sqe.fd, in_root)


@tracepoint("io_uring:io_uring_complete")
def complete(ctx: Context) -> None:
    address: u64 = ctx.req
    # What costs other requests least comes first. Any operation may use an address again.
    opcode = cast(Request, address).opcode
    if opcode != OP_OPENAT and opcode != OP_OPENAT2:
        return
    number = entry_of.pop(address, None)
    if number is None or number >= SEVERAL:
        return
    ret: s64 = ctx.res
    a = entries[number]
    e = a.known.open
    slot = e.ret
    if slot != 0 and ret >= 0:
        e.way |= SLOT
        ret = ret if slot == ANY_SLOT else slot - 1
    e.ret = ret
    now = ktime_get_boot_ns()
    a.known.time, a.known.latency = now, now - a.known.time
    if wanted_result(ret) and a.known.latency >= min_ns:
        send(a)
    free.push(number)


def send(a: Asked) -> None:
    """Sends the record of a request that ended."""
    if located:
        w = located_scratch[0]
        m = a.known
        w.comm = m.open.comm
        w.ids, w.ret, w.way = m.open.ids, m.open.ret, m.open.way
        w.time, w.latency, w.uid = m.time, m.latency, m.uid
        w.flags, w.mode, w.cgroup = m.flags, m.mode, m.cgroup
        # What stands in a slot has no descriptor: it is told as the name in its directory.
        opened = -1 if m.open.way & SLOT != 0 else m.open.ret
        locate(w.walked, opened, a.name, True, a.at, a.in_root)
        located_opens.output(w, offsetof(Located, "walked.text") + w.walked.used)
    elif more:
        more_opens.output(a.known, offsetof(More, "open.path") + min(a.size, NAME_ROOM))
    else:
        opens.output(a.known.open, offsetof(Open, "path") + min(a.size, NAME_ROOM))


# ------------------------------------------------------------------------------------ user side

CATEGORY = "io_uring"
SUBMIT = {"io_uring_submit_req": submit_req, "io_uring_submit_sqe": submit_sqe}  # of 6.4; before
NEEDED = {
    "io_uring_complete": ("req", "res"),
    "io_uring_req_failed": ("req", "error"),
}


def uring_programs() -> tuple[Program, ...]:
    """The programs for this kernel. Raises ProbeeError where its tracepoints tell too little."""
    with Tracefs() as tracefs:
        for name, fields in NEEDED.items():
            if not _has(tracefs, name, fields):
                raise _too_little(name, fields)
        for name, program in SUBMIT.items():
            if _has(tracefs, name, ("req", "opcode", "flags")):
                return (program, req_failed, complete)
    raise _too_little(" or ".join(SUBMIT), ("req", "opcode", "flags"))


def _has(tracefs: Tracefs, name: str, fields: tuple[str, ...]) -> bool:
    found = tracefs.format(CATEGORY, name)
    return found is not None and set(fields) <= {field.name for field in found.fields}


def _too_little(name: str, fields: tuple[str, ...]) -> ProbeeError:
    return ProbeeError(
        f"--io-uring: the kernel has no tracepoint {CATEGORY}:{name} with {', '.join(fields)}",
        hint="Linux 6.1 has them; on older kernels opens through io_uring cannot be told apart",
    )
