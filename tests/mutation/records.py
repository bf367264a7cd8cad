"""Seeded bugs in what is known of a text's length, in records of varying length and in windows."""

from __future__ import annotations

from tests.mutation.mutant import Mutant

MUTANTS = (
    Mutant(
        "length-by-another-name",
        "frontend/lengths.py",
        "return pointer is not base or (offset",
        "return pointer is base and (offset",
        "an element that is written by another name keeps the length of its old text",
    ),
    Mutant(
        "length-of-another-round",
        "frontend/flow.py",
        "lengths=frozenset(),\n",
        "lengths=self.lengths,\n",
        "a text's length before a loop is believed in every round",
    ),
    Mutant(
        "length-of-a-default",
        "frontend/texts.py",
        'len(value.default or b"") + 1)',
        'len(value.default or b""))',
        "a record with a default in place of its text ends before the NUL",
    ),
    Mutant(
        "length-of-a-constant",
        "frontend/texts.py",
        "size, len(raw) + 1)",
        "size, len(raw) - 1)",
        "a record whose text is a constant ends inside of it",
    ),
    Mutant(
        "length-of-a-cut-text",
        "frontend/texts.py",
        "low.builder.write(count, size)",
        "low.builder.write(count, size - 2)",
        "a record whose text was cut is sent without its mark",
    ),
    Mutant(
        "cut-text-too-long",
        "frontend/rawtext.py",
        "most = found.type.size - 2",
        "most = found.type.size - 1",
        "len(s.raw) of a text that was cut is one too many",
    ),
    Mutant(
        "record-too-short",
        "frontend/records.py",
        'trap_if(low, "slt", said.op, least, "ValueError", node)',
        'trap_if(low, "slt", said.op, least - 1, "ValueError", node)',
        "a record may leave out a byte of its fixed part",
    ),
    Mutant(
        "window-past-the-end",
        "frontend/windows.py",
        "room - length, call.args[1])",
        "room, call.args[1])",
        "a window may begin where it does not fit",
    ),
    Mutant(
        "window-before-the-start",
        "frontend/windows.py",
        "if bottom < 0 or top > last:",
        "if top > last:",
        "a window may begin before its buffer",
    ),
    Mutant(
        "window-keeps-the-length",
        "frontend/windows.py",
        "    memory.wrote(low, memory.Place(piece.ref, piece.ref.offset, piece.ref.type))\n",
        "",
        "a text that was written through a window keeps its length",
    ),
)
