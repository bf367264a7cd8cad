"""probee: eBPF in pure Python, on both sides of the kernel line.

The names a user imports. Each is looked up where it lives when it is first asked for, so that
`import probee` costs nothing; type checkers see plain imports. Any kernel helper can be imported by
its name without `bpf_`.
"""

from __future__ import annotations

__version__ = "0.1.0.dev0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.errors import (
        CompileError,
        FormatError,
        KernelError,
        NotSupportedError,
        ProbeeError,
        RelocationError,
        UsageError,
        VerifierError,
    )
    from probee.lang.builtins import current, read_str
    from probee.lang.helpers import *  # noqa: F403
    from probee.lang.maps import Array, Const, Global, Hash, LruHash, PerCpuArray, RingBuf
    from probee.lang.programs import Context, raw_tracepoint, tp_btf, tracepoint
    from probee.lang.types import (
        Chars,
        KernelPtr,
        KernelStr,
        Struct,
        UserPtr,
        UserStr,
        chars,
        s8,
        s16,
        s32,
        s64,
        sizeof,
        u8,
        u16,
        u32,
        u64,
    )
    from probee.runtime.session import Session

_HOME = {
    **dict.fromkeys(
        (
            "CompileError",
            "FormatError",
            "KernelError",
            "NotSupportedError",
            "ProbeeError",
            "RelocationError",
            "UsageError",
            "VerifierError",
        ),
        "probee.errors",
    ),
    **dict.fromkeys(("current", "read_str"), "probee.lang.builtins"),
    **dict.fromkeys(
        ("Array", "Const", "Global", "Hash", "LruHash", "PerCpuArray", "RingBuf"),
        "probee.lang.maps",
    ),
    **dict.fromkeys(("Context", "raw_tracepoint", "tp_btf", "tracepoint"), "probee.lang.programs"),
    **dict.fromkeys(
        (
            "Chars",
            "KernelPtr",
            "KernelStr",
            "Struct",
            "UserPtr",
            "UserStr",
            "chars",
            "s8",
            "s16",
            "s32",
            "s64",
            "sizeof",
            "u8",
            "u16",
            "u32",
            "u64",
        ),
        "probee.lang.types",
    ),
    "Session": "probee.runtime.session",
}

__all__ = [*_HOME]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = _HOME.get(name)
    if home is not None:
        value: object = getattr(import_module(home), name)
    else:
        from probee.lang.builtins import helper

        value = None if name.startswith("_") else helper(name)
        if value is None:
            raise AttributeError(f"module 'probee' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
