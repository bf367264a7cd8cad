"""`python3 -m probee`: the command line, with an exit status and never a traceback."""

from __future__ import annotations

import gc
from os import _exit


def run() -> None:
    """Leaves the process with the status of `main`.

    Collections of garbage would take a fifth of the time to the first row, and find none: they
    begin when a tool traces (frame.run).
    """
    gc.disable()
    from probee.start import begin

    start = begin()
    status = 130
    try:
        from probee.cli.main import main

        status = main(start=start)
        if start is not None:
            start.save()
    except KeyboardInterrupt:  # before a tool began to listen for it, or once it has its status
        pass
    _exit(status)  # nothing is left to flush or close, and tearing down takes longer


if __name__ == "__main__":
    run()
