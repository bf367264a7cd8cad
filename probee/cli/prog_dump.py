"""`probee prog dump`: the code of loaded programs, in bpftool's form.

In: a call's words. Out: a listing, a graph or a file of raw bytes.
"""

from __future__ import annotations

import os
from os import close

from probee.errors import ProbeeError, UsageError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from probee.cli.grammar import Call
    from probee.introspect.bpftool.symbols import Symbols
    from probee.introspect.loaded.code import Code

_FORMS = ("jited", "xlated")
_WORDS = ("file", "opcodes", "visual", "linum")


class _Request(Frozen):
    """`form` is of _FORMS; `file`: where raw bytes go, "" for a listing."""

    form: str
    file: str = ""
    opcodes: bool = False
    visual: bool = False
    linum: bool = False


def dump(call: Call) -> None:
    """`dump`."""
    from probee.introspect.bpftool import program_forms
    from probee.introspect.bpftool.symbols import Symbols
    from probee.introspect.loaded.code import code_of
    from probee.introspect.loaded.programs import Programs
    from probee.introspect.loaded.select import several

    words = call.words
    form = next((one for one in _FORMS if words and one.startswith(words[0])), "")
    if not form:
        raise UsageError(f"expected 'xlated' or 'jited', got: '{words[0] if words else ''}'")
    found, rest = several("PROG", words[1:])
    try:
        request = _request(form, rest, len(found))
        if call.json is not None and request.visual:
            raise UsageError("'visual' is not compatible with JSON output")
        programs, symbols, writer = Programs(), Symbols(), call.json
        many = len(found) > 1
        if writer is not None and many:
            writer.begin_array()
        for number, fd in enumerate(found):
            if many and writer is not None:
                writer.begin_object()
                program_forms.head_json(writer, programs.row(fd))
                writer.name("insns")
            elif many:
                call.write(program_forms.head_text(programs.row(fd)) + "\n")
            _one(call, request, code_of(fd, form, programs.types), symbols)
            if many and writer is not None:
                writer.end()
            elif many and number + 1 < len(found):
                call.write("\n")
        if writer is not None and many:
            writer.end()
    finally:
        for fd in found:
            close(fd)


def _request(form: str, words: Sequence[str], programs: int) -> _Request:
    given: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        known = next((one for one in _WORDS if one.startswith(word)), "")
        if not known or (known == "visual" and form == "jited"):
            raise UsageError(f"'{word}' is not understood here: file FILE, opcodes, linum"
                             + (" or visual" if form == "xlated" else ""))  # fmt: skip
        if known == "file" and not rest:
            raise UsageError("expected file path")
        if known in {"file", "visual"} and programs > 1:
            raise ProbeeError(f"several programs match, and '{known}' takes one")
        given[known] = rest.pop(0) if known == "file" else known
    if "file" in given and len(given) > 1:
        raise UsageError("'file' is not compatible with 'opcodes', 'visual', or 'linum'")
    return _Request(
        form, given.get("file", ""), "opcodes" in given, "visual" in given, "linum" in given
    )


def _one(call: Call, request: _Request, code: Code, symbols: Symbols) -> None:
    if request.file:
        _write_file(request.file, code.data)
        if call.json is not None:
            call.json.raw("null")
        return
    if request.form == "jited":
        _jited(call, request, code, symbols)
    else:
        _xlated(call, request, code, symbols)


def _jited(call: Call, request: _Request, code: Code, symbols: Symbols) -> None:
    from probee.introspect.bpftool import jited
    from probee.introspect.machine_code import disassembler

    engine, opcodes, linum = disassembler(), request.opcodes, request.linum
    if call.json is not None:
        jited.json(call.json, code, symbols, engine, opcodes=opcodes, linum=linum)
        return
    for piece in jited.text(code, symbols, engine, opcodes=opcodes, linum=linum):
        call.write(piece)


def _xlated(call: Call, request: _Request, code: Code, symbols: Symbols) -> None:
    from probee.introspect.bpftool import xlated

    if not symbols.base:
        call.warn(
            "the kernel hides addresses, so calls have no names: "
            "CAP_SYSLOG is wanted, or kernel.kptr_restrict is 2"
        )
    listing = xlated.Listing(code, symbols)
    if call.json is not None:
        xlated.json(call.json, listing, opcodes=request.opcodes, linum=request.linum)
        return
    if request.visual:
        from probee.introspect.bpftool.xlated_graph import graph

        for piece in graph(code, listing, opcodes=request.opcodes, linum=request.linum):
            call.write(piece)
        return
    for piece in xlated.text(listing, opcodes=request.opcodes, linum=request.linum):
        call.write(piece)


def _write_file(path: str, data: bytes) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
    except OSError as error:
        raise ProbeeError(f"can't open file {path}: {error.strerror}") from None
