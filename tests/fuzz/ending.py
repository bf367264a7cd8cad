"""What became of one program: agreed, refused, rejected by the verifier, or failed.

In: a case. Out: an `Ending`, whose signature tells whether another case fails in the same way.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import NamedTuple

from probee.errors import CompileError, VerifierError
from probee.runtime.verifier_log import read_log
from tests.meaning.compare import Agreed, Case, Mismatch, check
from tests.meaning.programs import SHARING

AGREED, REFUSED, REJECTED, MISMATCH, CRASH = "agreed", "refused", "rejected", "mismatch", "crash"

# Chance multiplies literals past 64 bits, and fills the 512 bytes of the stack: rightly refused.
SIZES = ("literal-range", "stack")


class Ending(NamedTuple):
    """`kind` is one of the words above. `failed` is what must not happen: a program of the
    generator that is refused for another reason than sharing or size, or rejected, a mismatch or
    a crash.
    """

    kind: str
    signature: tuple[str, ...] = ()
    text: str = ""
    agreed: Agreed | None = None

    @property
    def failed(self) -> bool:
        if self.kind == REFUSED:
            return not set(self.signature) <= {*SHARING, *SIZES}
        return self.kind != AGREED

    @property
    def needs_kernel(self) -> bool:
        return self.kind == REJECTED or (self.kind == MISMATCH and self.signature[0] == "kernel")


def examine(case: Case, folder: Path, *, isa: int, kernel: bool) -> Ending:
    """Checks one program in all legs."""
    path = folder / "fuzzed.py"
    try:
        source, rounds, consts, kept = case
        agreed = check(source, rounds, consts, path, isa=isa, kernel=kernel, kept=kept)
    except CompileError as error:
        codes = sorted({diagnostic.code for diagnostic in error.diagnostics})
        return Ending(REFUSED, tuple(codes), str(error))
    except VerifierError as error:
        return Ending(REJECTED, (_complaint(error),), f"{error}\n{error.log[-3000:]}")
    except Mismatch as error:
        return Ending(MISMATCH, (error.leg, error.what), str(error))
    except Exception as error:  # noqa: BLE001 (whatever a compiler's bug raises is looked for)
        frames = traceback.extract_tb(error.__traceback__)
        inside = [f for f in frames if "/probee/" in f.filename or "/tests/" in f.filename]
        place = f"{Path(inside[-1].filename).name}:{inside[-1].name}" if inside else ""
        return Ending(CRASH, (type(error).__name__, place), traceback.format_exc())
    return Ending(AGREED, agreed=agreed)


def _complaint(error: VerifierError) -> str:
    """What the verifier said, without its numbers."""
    complaints = read_log(error.log).complaints or (error.message,)
    return "".join("#" if c.isdigit() else c for c in complaints[-1])
