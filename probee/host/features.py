"""What the running kernel can do: names in; yes, no, or unknown (None) out.

An answer that is remembered costs a dictionary look-up; any other is probed now, by `probes`, and
remembered if it is conclusive. Conclusive answers are kept in the cache folder under the kernel's
identity, so that later starts need not probe. A kernel's version number decides nothing.
"""

from __future__ import annotations

from probee.host.cachedir import fetch, store
from probee.host.identity import kernel_identity, kernel_tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probee.btf.lower import Features as BtfFeatures

_WORDS = {"yes": True, "no": False}
# Part of the file's first line: raised when a probe turns out to have been wrong.
_VERSION = "features 1"


class Features:
    """The kernel's features. `keep=False` neither reads remembered answers nor keeps new ones."""

    __slots__ = ("_answers", "_keep")

    def __init__(self, *, keep: bool = True) -> None:
        self._keep = keep
        self._answers = parse(fetch(_file()) or b"", kernel_identity()) if keep else {}

    def ask(self, name: str) -> bool | None:
        """Whether the kernel has the feature `name` of `probes.PROBES`; None where nobody knows."""
        if name not in self._answers:
            from probee.host.probes import probe

            self._note(name, probe(name))
        return self._answers.get(name)

    def helper(self, program_type: int, function: int) -> bool | None:
        """Whether programs of this type may call helper number `function` (`BPF_FUNC_*`)."""
        name = f"helper_{program_type}_{function}"
        if name not in self._answers:
            from probee.host.probes import probe_helper

            self._note(name, probe_helper(program_type, function))
        return self._answers.get(name)

    def remember(self, name: str, answer: bool) -> None:
        """Notes what was found out elsewhere, by a load that worked or was refused."""
        self._note(name, answer)

    def isa(self) -> int:
        """The highest instruction set level, 1 to 4, that is known to be taken."""
        level = 1
        while level < 4 and self.ask(f"isa_v{level + 1}"):
            level += 1
        return level

    def btf(self) -> BtfFeatures:
        """The parts of BTF that the kernel is not known to refuse."""
        from probee.btf.lower import Features as BtfFeatures

        names = BtfFeatures().__match_args__
        return BtfFeatures(**{name: self.ask(f"btf_{name}") is not False for name in names})

    def _note(self, name: str, answer: bool | None) -> None:
        if answer is None or self._answers.get(name) is answer:
            return
        self._answers[name] = answer
        if self._keep:
            store(_file(), unparse(self._answers, kernel_identity()))


def _file() -> str:
    return f"features-{kernel_tag()}"


def parse(data: bytes, identity: str) -> dict[str, bool]:
    """Answers as `unparse` wrote them; none at all from a file of another kernel or a bad one."""
    try:
        head, _, body = data.decode("ascii").partition("\n")
    except UnicodeDecodeError:
        return {}
    if head != f"{_VERSION} {identity}":
        return {}
    answers: dict[str, bool] = {}
    for line in body.splitlines():
        name, space, word = line.partition(" ")
        if not space or word not in _WORDS or not name.isidentifier():
            return {}
        answers[name] = _WORDS[word]
    return answers


def unparse(answers: dict[str, bool], identity: str) -> bytes:
    """One line a feature, below one that says of which kernel."""
    lines = [f"{name} {'yes' if answers[name] else 'no'}\n" for name in sorted(answers)]
    return f"{_VERSION} {identity}\n{''.join(lines)}".encode("ascii", "replace")
