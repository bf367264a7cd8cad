"""A program that was refused because the kernel is older than a helper that it calls.

In: the verifier's log, the program. Out: nothing, or NotSupportedError with the line, the helper
and the release that has it: the same error as for a type of map that the kernel does not know. The
kernel itself is asked once more, so what is said does not hang on the words of one log.
"""

from __future__ import annotations

from probee.errors import NotSupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.spec.programs import ProgramSpec

_WORDS = "invalid func "  # kernel/bpf/verifier.c, check_helper_call: followed by name#number
_INSTEAD = {
    "trace_vprintk": "print up to three values a line, of which one may be text of up to 64 bytes",
}


def demand_helper(log: str, program: ProgramSpec, btf: bytes) -> None:
    """NotSupportedError if the log ends at the call of a helper that the kernel has not."""
    from probee.host.probes import probe_helper
    from probee.runtime.verifier import line_place
    from probee.runtime.verifier_log import read_log
    from probee.tables.helpers import all_helpers

    before, found, behind = log.rpartition(_WORDS)
    number = behind.split(maxsplit=1)[0].rpartition("#")[2] if found and behind.strip() else ""
    if not number.isdecimal() or probe_helper(program.type, int(number)) is not False:
        return
    helper = next((helper for helper in all_helpers() if helper.id == int(number)), None)
    if helper is None:
        return
    place = line_place(program, btf, read_log(before).slot)
    where = f"{place.file}:{place.line}: " if place.line else ""
    raise NotSupportedError(
        f"{where}the helper bpf_{helper.name} that {program.name} calls",
        since=f"Linux {helper.since}",
        hint=_INSTEAD.get(helper.name, "run it on a newer kernel, or do without"),
    )
