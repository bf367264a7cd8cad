"""The code of a loaded program: what the verifier made of it, and the machine code of the JIT.

In: a descriptor. Out: `Code`: the bytes, its functions, its source lines. Where the kernel hides
code from this process, the error names the right that is missing.
"""

from __future__ import annotations

from struct import iter_unpack

from probee.errors import KernelError
from probee.frozen import Frozen
from probee.host.info import PROGRAM, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.reader import Btf
    from probee.introspect.loaded.types import Types

XLATED, JITED = "xlated", "jited"
_FUNC_INFO, _LINE_INFO = 8, 16  # struct bpf_func_info, struct bpf_line_info
_EPERM = 1
_HIDDEN = "kernel.kptr_restrict hides addresses, and code with them; CAP_SYSLOG is wanted"


class Line(Frozen):
    """From slot `at` on, code of this line. `address`: of its machine code, 0 where unknown."""

    at: int
    file: str
    text: str
    number: int
    column: int
    address: int = 0


class Code(Frozen):
    """The code of one program.

    `functions`: (slot, id of the FUNC) of each. `ksyms` and `lengths`: address and bytes of the
    machine code of each function: none for the interpreter, 0 where nobody may know.
    """

    data: bytes
    types: Btf | None
    functions: tuple[tuple[int, int], ...]
    lines: tuple[Line, ...]
    ksyms: tuple[int, ...]
    lengths: tuple[int, ...]


def code_of(fd: int, form: str, types: Types) -> Code:
    """The code of a program, `form` is XLATED or JITED. KernelError where it cannot be had."""
    first, _ = read(fd, PROGRAM)
    size = first[f"{form}_prog_len"]
    if not size:
        raise _none(form, first["xlated_prog_len"])
    data = bytearray(size)
    ksyms, lengths = bytearray(8 * first["nr_jited_ksyms"]), bytearray(4 * first["nr_jited_ksyms"])
    functions = bytearray(first["func_info_rec_size"] * first["nr_func_info"])
    lines = bytearray(first["line_info_rec_size"] * first["nr_line_info"])
    places = bytearray(8 * first["nr_jited_line_info"])
    pointers: dict[str, int | bytearray] = {f"{form}_prog_len": size, f"{form}_prog_insns": data}
    if ksyms:
        pointers |= {
            "nr_jited_ksyms": len(ksyms) // 8,
            "jited_ksyms": ksyms,
            "nr_jited_func_lens": len(lengths) // 4,
            "jited_func_lens": lengths,
        }
    if functions:
        pointers |= {"nr_func_info": first["nr_func_info"], "func_info": functions,
                     "func_info_rec_size": first["func_info_rec_size"]}  # fmt: skip
    if lines:
        pointers |= {"nr_line_info": first["nr_line_info"], "line_info": lines,
                     "line_info_rec_size": first["line_info_rec_size"]}  # fmt: skip
    if places:
        pointers |= {"nr_jited_line_info": first["nr_jited_line_info"], "jited_line_info": places,
                     "jited_line_info_rec_size": 8}  # fmt: skip
    info, _buffer = read(fd, PROGRAM, **pointers)
    if not info[f"{form}_prog_insns"]:
        raise KernelError(f"reading the {form} code", _EPERM, cause=_HIDDEN)
    btf = types.of(info["btf_id"]) if info["btf_id"] else None
    addresses = memoryview(places).cast("Q").tolist()
    return Code(
        bytes(data[: info[f"{form}_prog_len"]]),
        btf,
        _functions(functions, first["func_info_rec_size"]),
        _lines(lines, first["line_info_rec_size"], btf, addresses),
        tuple(memoryview(ksyms).cast("Q").tolist()),
        tuple(memoryview(lengths).cast("I").tolist()),
    )


def _none(form: str, xlated: int) -> KernelError:
    if form == JITED and xlated:
        why = "it was not jited: net.core.bpf_jit_enable is 0, or it needs the interpreter"
    else:
        why = "the kernel shows code to those with CAP_BPF or CAP_SYS_ADMIN alone"
    return KernelError(f"reading the {form} code", _EPERM, cause=why)


def _functions(data: bytearray, size: int) -> tuple[tuple[int, int], ...]:
    if not data:
        return ()
    return tuple(iter_unpack(f"=II{size - _FUNC_INFO}x", data))


def _lines(data: bytearray, size: int, btf: Btf | None, addresses: list[int]) -> tuple[Line, ...]:
    if not data or btf is None:
        return ()
    rows = list(iter_unpack(f"=IIII{size - _LINE_INFO}x", data))
    if len(addresses) != len(rows):
        addresses = [0] * len(rows)
    return tuple(
        Line(at, btf.string(file), btf.string(text), place >> 10, place & 0x3FF, address)
        for (at, file, text, place), address in zip(rows, addresses, strict=True)
    )
