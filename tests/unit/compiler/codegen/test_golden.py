"""What the generator makes of small functions, in full: tests/golden/codegen.txt.

`python3 -m tests.unit.compiler.codegen.test_golden` writes the right sides anew, for a reader to
judge. A case is a line `== name, isa N`, IR, a line `--`, and the program as the kernel prints it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from probee.asm.disasm import kernel_text
from probee.asm.insn import slot_starts
from probee.compiler.codegen import generate
from probee.compiler.ir.verifier import verify
from probee.spec import Target
from probee.uapi import bpf_func
from tests import ir_text

GOLDEN = Path(__file__).parents[3] / "golden" / "codegen.txt"
HELPERS = {
    number: name.removeprefix("BPF_FUNC_")
    for name, number in vars(bpf_func).items()
    if name.startswith("BPF_FUNC_") and isinstance(number, int)
}


def cases() -> dict[str, tuple[int, str, str]]:
    """Name -> ISA level, IR, program."""
    out = {}
    for part in GOLDEN.read_text().split("\n== ")[1:]:
        head, _, body = part.partition("\n")
        name, _, isa = head.partition(", isa ")
        ir, _, program = body.partition("\n--\n")
        assert name not in out, f"two cases {name}"
        out[name] = int(isa), ir.strip("\n") + "\n", program.strip("\n") + "\n"
    return out


def compiled(ir: str, isa: int) -> str:
    functions = [ir_text.parse(f"func{text}") for text in ir.split("func")[1:]]
    for function in functions:
        verify(function)
    code = generate(functions, Target(isa=isa))
    names = {slot: name for name, slot in code.functions if slot}
    relocs = {reloc.insn: reloc for reloc in code.relocs}
    rows = []
    for slot, insn in zip(slot_starts(code.insns), code.insns, strict=False):
        if slot in names:
            rows.append(f"{names[slot]}:")
        text = f"{slot:4}: {kernel_text(insn, helpers=HELPERS)}"
        if slot in relocs:
            text += f"  ; {relocs[slot].kind} {relocs[slot].symbol}"
        rows.append(text)
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("name", cases() if GOLDEN.exists() else [])
def test_golden(name: str) -> None:
    isa, ir, program = cases()[name]
    assert compiled(ir, isa) == program


def rewrite() -> None:
    head = GOLDEN.read_text().split("\n== ", maxsplit=1)[0]
    parts = [
        f"== {name}, isa {isa}\n{ir}--\n{compiled(ir, isa)}"
        for name, (isa, ir, _) in cases().items()
    ]
    GOLDEN.write_text("\n".join([head.rstrip() + "\n", *parts]))


if __name__ == "__main__":
    rewrite()
