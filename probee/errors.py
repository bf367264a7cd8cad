"""Every error that probee raises on purpose.

    ProbeeError
    ├── CompileError        the program is outside the language; carries its diagnostics
    ├── FormatError         an object file, BTF, cache entry or recorded input is not well-formed
    ├── RelocationError     a field, type or symbol that the program needs is not in this kernel
    ├── VerifierError       the kernel's verifier refused a program
    ├── SimError            a simulated program did what the kernel would not let it do
    ├── NotSupportedError   this kernel, architecture or release of probee cannot do it (yet)
    ├── UsageError          the command line or a call asks for something that makes no sense
    └── KernelError         a system call failed: an errno by name, with its likely cause

`str(error)` is what a person reads: what happened, why, and what to do. No error of the standard
library leaves probee's public functions in place of one of these.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class ProbeeError(Exception):
    """Base of the tree. `hint` is one sentence on what to do, or empty."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class Diagnostic:
    """One refusal of the compiler, at a place in the user's file.

    `code` is stable and has a page in the docs; `line` counts from 1, `column` and `end_column`
    from 0 in characters, as `ast` does but after its UTF-8 offsets are converted.
    """

    __slots__ = ("code", "column", "end_column", "file", "fix", "line", "message", "text", "why")

    def __init__(
        self,
        code: str,
        message: str,
        *,
        file: str,
        line: int,
        column: int = 0,
        end_column: int = 0,
        text: str = "",
        why: str = "",
        fix: str = "",
    ) -> None:
        self.code, self.message = code, message
        self.file, self.line, self.column, self.end_column = file, line, column, end_column
        self.text, self.why, self.fix = text, why, fix

    def __str__(self) -> str:
        """The form shown in LANGUAGE.md: place, code, message, source line, caret, why, fix."""
        rows = [f"{self.file}:{self.line}:{self.column + 1}: error[{self.code}]: {self.message}"]
        if self.text:
            number = str(self.line)
            pad = _drawn(self.text[: self.column], " ")
            carets = _drawn(self.text[self.column : self.end_column], "^") or "^"
            rows.append(f"   {number} | {self.text}")
            rows.append(f"   {' ' * len(number)} | {pad}{carets}")
        rows += [f"   why: {self.why}"] if self.why else []
        rows += [f"   fix: {self.fix}"] if self.fix else []
        return "\n".join(rows)


def _drawn(text: str, mark: str) -> str:
    """As many marks as `text` takes columns on a terminal; tabs stay what they are."""
    if text.isascii():
        return "".join("\t" if c == "\t" else mark for c in text)
    from unicodedata import combining, east_asian_width

    widths = (0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)
    return "".join("\t" if c == "\t" else mark * w for c, w in zip(text, widths, strict=True))


class CompileError(ProbeeError):
    """The kernel-side program cannot be compiled. `diagnostics` has at least one entry.

    They stand in the order of the source; the text has the first twenty.
    """

    SHOWN = 20

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        files = {d.file: i for i, d in reversed([*enumerate(diagnostics)])}
        self.diagnostics = tuple(
            sorted(diagnostics, key=lambda d: (files[d.file], d.line, d.column))
        )
        rows = [str(d) for d in self.diagnostics[: self.SHOWN]]
        more = len(self.diagnostics) - len(rows)
        rows += [f"and {more} more error{'s' * (more > 1)}"] if more else []
        super().__init__("\n\n".join(rows))


class FormatError(ProbeeError):
    """Bytes that are not what they claim to be. `offset` is where, in bytes, or -1."""

    def __init__(self, message: str, *, offset: int = -1, hint: str = "") -> None:
        super().__init__(f"{message} (at byte {offset:#x})" if offset >= 0 else message, hint=hint)
        self.offset = offset


class RelocationError(ProbeeError):
    """Something the program refers to does not exist in this kernel."""


class VerifierError(ProbeeError):
    """The kernel refused the program. `log` is the verifier's whole log; `str()` stays short.

    `diagnostic`: the same as a place in the user's file, None for what is no program.
    """

    def __init__(
        self,
        message: str,
        *,
        log: str = "",
        hint: str = "",
        diagnostic: Diagnostic | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.log = log
        self.diagnostic = diagnostic


class SimError(ProbeeError):
    """A program that ran in `probee.sim` went wrong at instruction `slot` (its text: `insn`).

    `file`, `line`, `text` are the place in the source, as far as the program says it.
    """

    def __init__(
        self, message: str, *, program: str, slot: int, insn: str,
        file: str = "", line: int = 0, text: str = "",
    ) -> None:  # fmt: skip
        where = f"{file}:{line}: {text}\n  " if line else ""
        super().__init__(message, hint=f"{where}instruction {slot}: {insn}")
        self.program, self.slot, self.insn = program, slot, insn
        self.file, self.line, self.text = file, line, text


class NotSupportedError(ProbeeError):
    """`what` is missing here; `since` names the kernel or release that has it, where known."""

    def __init__(self, what: str, *, since: str = "", hint: str = "") -> None:
        super().__init__(f"{what} (since {since})" if since else what, hint=hint)
        self.what = what
        self.since = since


class UsageError(ProbeeError):
    """A request that cannot be meant: a bad option, a value out of range, a closed Session."""


_ENOTSUPP = 524  # include/linux/errno.h: the kernel's own, which no libc names


def errno_words(errno: int) -> str:
    """`No such file or directory`."""
    from os import strerror  # already loaded by the interpreter

    return "Operation not supported by the kernel" if errno == _ENOTSUPP else strerror(errno)


class KernelError(ProbeeError):
    """System call `call` failed with `errno`; `cause` is the likely reason in a sentence."""

    def __init__(self, call: str, errno: int, *, cause: str = "", hint: str = "") -> None:
        from errno import errorcode  # built in: no cost on the warm path

        name = "ENOTSUPP" if errno == _ENOTSUPP else errorcode.get(errno, str(errno))
        words = errno_words(errno)
        tail = f": {cause}" if cause else ""
        super().__init__(f"{call}: {name} ({words}){tail}", hint=hint)
        self.call = call
        self.errno = errno
        self.errno_name = name
        self.cause = cause
