"""A loaded program: its descriptor, what the kernel tells of it, and test runs.

In: a program that the loader has loaded. Out: numbers about it (BPF_OBJ_GET_INFO_BY_FD) and the
results of running it on given bytes (BPF_PROG_TEST_RUN). Neither is on the way to the first row.
"""

from __future__ import annotations

from sys import byteorder

from probee.frozen import Frozen
from probee.host import bpf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.runtime.descriptors import Descriptors
    from probee.spec.programs import ProgramSpec

_MAPS = 64  # ids asked for at first; the verifier allows this many (MAX_USED_MAPS)


class ProgramInfo(Frozen):
    """`struct bpf_prog_info`: sizes in bytes, times in ns. None where this kernel does not tell.

    `xlated` is what the verifier made of the program, `jited` its machine code (0: interpreted or
    not to be shown). `tag` is the hash of the instructions, 16 hexadecimal digits. `run_time` and
    `run_count` stay 0 unless somebody enabled statistics; `recursion_misses` counts always.
    """

    id: int
    type: int
    name: str
    tag: str
    xlated: int
    jited: int
    loaded_at: int
    uid: int
    map_ids: tuple[int, ...]
    btf_id: int | None
    run_time: int | None
    run_count: int | None
    recursion_misses: int | None
    verified_insns: int | None


class TestRun(Frozen):
    """`result`: what the program returned (u32). `data`: what it left of it, as far as room was
    asked for; `context` likewise, whole after a syscall program. `duration`: ns a run, on average.
    """

    result: int
    data: bytes
    context: bytes
    duration: int


class Program:
    """A program in the kernel. It belongs to the collection that it was loaded with."""

    __slots__ = ("_fd", "_owner", "name", "spec")

    def __init__(self, spec: ProgramSpec, fd: int, owner: Descriptors) -> None:
        self.name, self.spec = spec.name, spec
        self._fd, self._owner = fd, owner

    @property
    def fd(self) -> int:
        """The descriptor. UsageError after the collection was closed, and in another process."""
        return self._owner.demand(self._fd)

    @property
    def id(self) -> int:
        """The kernel's number of the program, as bpftool shows it."""
        return self.info().id

    def info(self) -> ProgramInfo:
        """What the kernel tells of the program, now."""
        return program_info(self.fd)

    def test_run(
        self,
        data: bytes = b"",
        context: bytes = b"",
        *,
        data_out: int = 0,
        context_out: int = 0,
        repeat: int = 0,
        flags: int = 0,
        cpu: int = 0,
    ) -> TestRun:
        """Runs the program once, or `repeat` times, on these bytes.

        `data_out` and `context_out`: bytes to give back of either. Which of them a program type
        takes differs: socket filters and XDP want data (14 bytes at least), raw tracepoints their
        arguments as context, syscall programs a context. KernelError where it cannot be run.
        """
        result, left, context_left, duration = bpf.prog_test_run(
            self.fd,
            data,
            context,
            data_out=data_out,
            context_out=context_out,
            repeat=repeat,
            flags=flags,
            cpu=cpu,
        )
        return TestRun(result, left, context_left, duration)

    def __repr__(self) -> str:
        return f"<Program {self.name} fd {self._fd}>"


def program_info(fd: int) -> ProgramInfo:
    """What the kernel tells of the program behind any descriptor."""
    from probee.host.syscall import address
    from probee.uapi.bpf_info import BPF_PROG_INFO, BPF_PROG_INFO_SIZE

    info, maps = bytearray(BPF_PROG_INFO_SIZE), bytearray(4 * _MAPS)
    places = {name: (offset, size) for name, offset, size in BPF_PROG_INFO}

    def put(name: str, value: int) -> None:
        offset, size = places[name]
        info[offset : offset + size] = value.to_bytes(size, byteorder)

    put("nr_map_ids", _MAPS)
    put("map_ids", address(maps))
    known = bpf.obj_get_info(fd, info)

    def get(name: str) -> int | None:
        offset, size = places[name]
        value = int.from_bytes(info[offset : offset + size], byteorder)
        return value if offset + size <= known else None

    count = min(get("nr_map_ids") or 0, _MAPS)
    at, size = places["name"]
    tag, length = places["tag"]
    return ProgramInfo(
        id=get("id") or 0,
        type=get("type") or 0,
        name=info[at : at + size].partition(b"\0")[0].decode("ascii", "replace"),
        tag=info[tag : tag + length].hex(),
        xlated=get("xlated_prog_len") or 0,
        jited=get("jited_prog_len") or 0,
        loaded_at=get("load_time") or 0,
        uid=get("created_by_uid") or 0,
        map_ids=tuple(int.from_bytes(maps[i : i + 4], byteorder) for i in range(0, 4 * count, 4)),
        btf_id=get("btf_id"),
        run_time=get("run_time_ns"),
        run_count=get("run_cnt"),
        recursion_misses=get("recursion_misses"),
        verified_insns=get("verified_insns"),
    )
