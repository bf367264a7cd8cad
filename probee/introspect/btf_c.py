"""`btf dump ... format c`: a header with every type, as bpftool prints it.

In: the types of a blob. Out: pieces of text, one type or one line each. The frame around the types
is that of dump_btf_c in bpftool's btf.c, as Linux 6.12 has it (bpftool 7.5 of Debian 13).
"""

from __future__ import annotations

from probee.btf import kinds
from probee.btf.c_dump import CDump
from probee.btf.c_sort import in_c_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from probee.btf.flat import Flat

_HEAD = """\
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

#ifndef __weak
#define __weak __attribute__((weak))
#endif

"""
_TAIL = """\
#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
"""
_KFUNC = "bpf_kfunc"  # the tag of functions that programs may call


def c_header(
    flat: Flat, *, pointer: int = 0, roots: Iterable[int] | None = None, sort: bool = True
) -> Iterator[str]:
    """All types and kernel functions, or only what `roots` need.

    `pointer`: bytes of a pointer, 0 to find out. Raises FormatError for types that C cannot say,
    before or after some of the text.
    """
    dump = CDump(flat, pointer)
    yield _HEAD
    if roots is not None:
        yield from map(dump.define, roots)
    else:
        ids = in_c_order(flat, dump.order) if sort else range(1, flat.last + 1)
        yield from filter(None, map(dump.define, ids))
        yield from _kernel_functions(flat, dump)
    yield _TAIL


def _kernel_functions(flat: Flat, dump: CDump) -> Iterator[str]:
    yield "\n/* BPF kfuncs */\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n"
    for id in range(1, flat.last + 1):
        if flat.kinds[id] != kinds.DECL_TAG or flat.name(id) != _KFUNC:
            continue
        function = flat.values[id]
        component = flat.words[flat.starts[id]]
        if flat.kinds[function] == kinds.FUNC and component == 0xFFFFFFFF:
            text = dump.declare(flat.values[function], flat.name(function))
            yield f"extern {text} __weak __ksym;\n"
    yield "#endif\n\n"
