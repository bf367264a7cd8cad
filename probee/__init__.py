"""probee: eBPF in pure Python, on both sides of the kernel line.

The names a user imports. Each is looked up where it lives when it is first asked for, so that
`import probee` costs nothing; type checkers see plain imports. Any kernel helper can be imported by
its name without `bpf_`.
"""

from __future__ import annotations

__version__ = "0.1.0.dev0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    # `X as X` says to type checkers that it is for others to import.
    from probee.errors import (
        CompileError as CompileError,
        FormatError as FormatError,
        KernelError as KernelError,
        NotSupportedError as NotSupportedError,
        ProbeeError as ProbeeError,
        RelocationError as RelocationError,
        UsageError as UsageError,
        VerifierError as VerifierError,
    )
    from probee.lang.atomics import (
        atomic_add as atomic_add,
        atomic_and as atomic_and,
        atomic_compare_exchange as atomic_compare_exchange,
        atomic_exchange as atomic_exchange,
        atomic_fetch_add as atomic_fetch_add,
        atomic_fetch_and as atomic_fetch_and,
        atomic_fetch_or as atomic_fetch_or,
        atomic_fetch_xor as atomic_fetch_xor,
        atomic_or as atomic_or,
        atomic_xor as atomic_xor,
    )
    from probee.lang.builtins import (
        current as current,
        read_str as read_str,
        window as window,
    )
    from probee.lang.contexts import (
        Context as Context,
        TypedContext as TypedContext,
    )
    from probee.lang.counters import Counter as Counter
    from probee.lang.helpers import *  # noqa: F403
    from probee.lang.hist import Hist as Hist
    from probee.lang.kernel import (
        Items as Items,
        KernelEnum as KernelEnum,
        KernelStruct as KernelStruct,
        Ptr as Ptr,
        PtrArray as PtrArray,
        cast as cast,
        container_of as container_of,
        has_field as has_field,
        has_type as has_type,
    )
    from probee.lang.maps import (
        Array as Array,
        Hash as Hash,
        LruHash as LruHash,
        PerCpuArray as PerCpuArray,
        RingBuf as RingBuf,
    )
    from probee.lang.percpu import (
        LruPerCpuHash as LruPerCpuHash,
        PerCpuHash as PerCpuHash,
    )
    from probee.lang.perf import PerfEventArray as PerfEventArray
    from probee.lang.programs import (
        raw_tracepoint as raw_tracepoint,
        tp_btf as tp_btf,
        tracepoint as tracepoint,
    )
    from probee.lang.queues import (
        BloomFilter as BloomFilter,
        Queue as Queue,
        Stack as Stack,
    )
    from probee.lang.stacks import StackTrace as StackTrace
    from probee.lang.tries import LpmTrie as LpmTrie
    from probee.lang.types import (
        Chars as Chars,
        KernelPtr as KernelPtr,
        KernelStr as KernelStr,
        Struct as Struct,
        UserPtr as UserPtr,
        UserStr as UserStr,
        array as array,
        chars as chars,
        offsetof as offsetof,
        s8 as s8,
        s16 as s16,
        s32 as s32,
        s64 as s64,
        sizeof as sizeof,
        u8 as u8,
        u16 as u16,
        u32 as u32,
        u64 as u64,
    )
    from probee.lang.variables import (
        Const as Const,
        Global as Global,
        PerCpuGlobal as PerCpuGlobal,
    )
    from probee.runtime.session import (
        Session as Session,
    )
    from probee.runtime.tracepipe import TracePipe as TracePipe

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
    **dict.fromkeys(("current", "read_str", "window"), "probee.lang.builtins"),
    **dict.fromkeys(
        ("Array", "Hash", "LruHash", "PerCpuArray", "RingBuf"),
        "probee.lang.maps",
    ),
    **dict.fromkeys(
        (
            "atomic_add",
            "atomic_and",
            "atomic_compare_exchange",
            "atomic_exchange",
            "atomic_fetch_add",
            "atomic_fetch_and",
            "atomic_fetch_or",
            "atomic_fetch_xor",
            "atomic_or",
            "atomic_xor",
        ),
        "probee.lang.atomics",
    ),
    **dict.fromkeys(("LruPerCpuHash", "PerCpuHash"), "probee.lang.percpu"),
    "Counter": "probee.lang.counters",
    **dict.fromkeys(
        (
            "Items",
            "KernelEnum",
            "KernelStruct",
            "Ptr",
            "PtrArray",
            "cast",
            "container_of",
            "has_field",
            "has_type",
        ),
        "probee.lang.kernel",
    ),
    "LpmTrie": "probee.lang.tries",
    **dict.fromkeys(("BloomFilter", "Queue", "Stack"), "probee.lang.queues"),
    **dict.fromkeys(("Const", "Global", "PerCpuGlobal"), "probee.lang.variables"),
    **dict.fromkeys(("Context", "TypedContext"), "probee.lang.contexts"),
    **dict.fromkeys(("raw_tracepoint", "tp_btf", "tracepoint"), "probee.lang.programs"),
    **dict.fromkeys(
        (
            "Chars",
            "KernelPtr",
            "KernelStr",
            "Struct",
            "UserPtr",
            "UserStr",
            "array",
            "chars",
            "offsetof",
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
    "Hist": "probee.lang.hist",
    "PerfEventArray": "probee.lang.perf",
    "StackTrace": "probee.lang.stacks",
    "Session": "probee.runtime.session",
    "TracePipe": "probee.runtime.tracepipe",
}

__all__ = [*_HOME]  # noqa: PLE0604


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        home = _HOME.get(name)
        if home is not None:
            value = getattr(__import__(home, fromlist=(name,)), name)
        else:
            from probee.lang.builtins import helper

            value = None if name.startswith("_") else helper(name)
            if value is None:
                raise AttributeError(f"module 'probee' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
