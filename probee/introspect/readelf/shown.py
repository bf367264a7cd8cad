"""What the command line asks for, and what one run remembers from file to file.

In: options. Out: `Shown`, which a broken file also changes: without section headers the parts that
need them are switched off, for the files after it too, as readelf does.
"""

from __future__ import annotations

HEX, STRING, RELOCATED, AUTO = 1, 2, 4, 8  # ways to dump a section

EVERYTHING = (
    "symbols", "relocations", "unwind", "dynamic", "header", "sections", "groups", "segments",
    "versions", "histogram", "arch", "notes",
)  # fmt: skip


class Shown:
    """One attribute an option; `dumps` and `named_dumps` are the sections to dump.

    `compat`: the release whose output is wanted. `terminal`: standard output is one.
    """

    def __init__(self, compat: str = "2.44") -> None:
        self.compat = compat
        self.header = self.segments = self.sections = self.details = self.groups = False
        self.symbols = self.dynamic_symbols = self.lto_symbols = self.relocations = False
        self.unwind = self.dynamic = self.versions = self.arch = self.notes = False
        self.histogram = self.archive_index = self.dump = False
        self.use_dynamic = self.wide = self.silent = self.extra = self.checks = False
        self.decompress = self.file_names = self.terminal = False
        self.unicode = "default"
        self.utf8: bool | None = None  # whether the locale is UTF-8; asked when it matters
        self.symbol_base = 0
        self.dumps: dict[int, int] = {}
        self.named_dumps: list[tuple[str, int]] = []
        self.memory = Memory()

    def everything(self) -> None:
        """Option -a."""
        for name in EVERYTHING:
            setattr(self, name, True)

    @property
    def anything(self) -> bool:
        """Whether there is anything to show of a file."""
        return any(
            (*(getattr(self, name) for name in EVERYTHING), self.dump, self.archive_index,
             self.dynamic_symbols, self.lto_symbols)
        )  # fmt: skip

    @property
    def old(self) -> bool:
        """Whether the output of 2.40 is wanted."""
        return self.compat == "2.40"


class Memory:
    """What readelf counts over all files of one run: complaints that it repeats only so often."""

    __slots__ = (
        "contained", "last_reloc_type", "overlarge", "section_0_in_group", "unknown_machine",
    )  # fmt: skip

    def __init__(self) -> None:
        self.overlarge = self.contained = 0
        self.section_0_in_group = False
        self.last_reloc_type = self.unknown_machine = 0
