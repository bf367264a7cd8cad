"""What a kernel program can call and read beside its own declarations.

`current` (the task that is running), `read_str`, and the kernel's helpers by their names without
`bpf_`. All of them mean something only in a kernel program; elsewhere they say so.
"""

from __future__ import annotations

from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, overload

    from probee.lang.linux import TaskStruct
    from probee.lang.types import Chars, KernelStr, UserStr


def _kernel_only(what: str) -> NoReturn:
    raise UsageError(f"{what} means something only in a kernel program")


class Intrinsic:
    """A function of the language that the compiler knows by `name`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *_: object, **__: object) -> Any:
        """Refuses: only a kernel program can call it."""
        _kernel_only(f"{self.name}()")

    def __repr__(self) -> str:
        return f"<kernel-side {self.name}>"


class Helper(Intrinsic):
    """A kernel helper, by its name without `bpf_`."""

    __slots__ = ()


class Current:
    """The task that runs when the program is called.

    `pid`: thread group id, as user space says it; `tid`: thread id; `uid`, `gid`: of the real
    user and group, as `bpf_get_current_uid_gid` gives them; `comm`: its name, up to 15 bytes;
    `cgroup_id`: of its cgroup v2; `task`: its `struct task_struct`.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        pid: int
        tid: int
        uid: int
        gid: int
        comm: Chars
        cgroup_id: int
        task: TaskStruct

        def syscall_arg(self, n: int) -> Any:
            """Argument `n` of the system call the task is in, from 0; an integer or an address."""

    else:

        def __getattr__(self, name: str) -> object:
            _kernel_only(f"current.{name}")


current = Current()

if TYPE_CHECKING:

    @overload
    def read_str(pointer: UserStr | KernelStr, size: int = ...) -> Chars | None: ...
    @overload
    def read_str(pointer: UserStr | KernelStr, size: int = ..., *, default: str) -> Chars: ...
    def read_str(
        pointer: UserStr | KernelStr, size: int = 0, *, default: str | None = None
    ) -> Chars | None:
        """Text at an address: the user or kernel helper by the pointer's type.

        None, or `default`, where it cannot be read. `size`: of the buffer that it gets, as in
        `chars(size)`; a field that it is read into has its own.
        """

    def window(buffer: str | list[int], at: int, size: int) -> Any:
        """`size` bytes of a text field or an array of u8 from byte `at` on, for a helper to write.

        `size` is a constant. One that would go past the end raises IndexError.
        """

else:
    read_str = Intrinsic("read_str")
    window = Intrinsic("window")


def helper(name: str) -> Helper | None:
    """The helper `bpf_<name>`, or None where the kernel's list has no such one."""
    from probee.uapi import bpf_func

    return Helper(name) if hasattr(bpf_func, f"BPF_FUNC_{name}") else None
