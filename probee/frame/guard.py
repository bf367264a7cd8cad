"""What a command raises becomes a sentence on standard error, and an exit status.

In: something to run. Out: its status; 0 where nobody reads any more, 1 where it failed. No
traceback reaches a user unless `--debug` asks for one.
"""

from __future__ import annotations

from probee.errors import ProbeeError, VerifierError
from probee.frame.output import Closed, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OK, FAILED, USAGE = 0, 1, 2


def guarded(name: str, words: Sequence[str], body: Callable[[], int]) -> int:
    """The exit status of `body`; what it raises becomes a sentence on standard error."""
    debug = "--debug" in words
    try:
        return body()
    except ProbeeError as error:
        _trace(debug)
        say(f"probee {name}: {error}")
        if isinstance(error, VerifierError) and error.log and "--verifier-log" in words:
            say(error.log)
        return FAILED
    except Closed:  # before the first row
        return OK
    except OSError as error:  # of the surroundings, such as too many open files
        _trace(debug)
        at = f" ({error.filename})" if error.filename else ""
        say(f"probee {name}: {error.strerror or error}{at}")
        return FAILED
    except Exception as error:  # noqa: BLE001 - the top: a user sees a sentence, no traceback
        _trace(debug)
        say(f"probee {name}: internal error: {type(error).__name__}: {error}")
        say("  please report it, with what --debug adds")
        return FAILED


def _trace(debug: bool) -> None:
    if debug:
        from traceback import print_exc

        print_exc()
