"""What stands inside sections, damaged: notes, compressed data, names in any bytes, LTO tables."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import readelf_pair
from tests.readelf_objects import C_SOURCE, NOTES, one_of_each_relocation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

pytestmark = pytest.mark.oracle("readelf-2.44")
U64 = (1 << 64) - 1
NOTE, LTO_TABLES = 7, (b".gnu.lto_.symtab.", b".gnu.lto_.ext_symtab.")


class Editor:
    """A little-endian object whose sections are changed in place."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self.start = struct.unpack_from("<Q", data, 40)[0]
        count, names = struct.unpack_from("<HH", data, 60)
        form = "<IIQQQQIIQQ"
        self.rows = [struct.unpack_from(form, data, self.start + 64 * at) for at in range(count)]
        self.names_at = self.rows[names][4]

    def name(self, at: int) -> bytes:
        """Of a section."""
        start = self.names_at + self.rows[at][0]
        return bytes(self.data[start : self.data.index(0, start)])

    def of_type(self, kind: int) -> list[int]:
        """Numbers of sections."""
        return [at for at, row in enumerate(self.rows) if row[1] == kind]

    def field(self, at: int, field: int, value: int) -> None:
        """A field of 8 bytes of a section's header."""
        struct.pack_into("<Q", self.data, self.start + 64 * at + field, value & U64)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Objects by what is special in them."""
    if not shutil.which("gcc"):
        pytest.skip("no gcc is here")
    folder = tmp_path_factory.mktemp("made")
    (folder / "notes.s").write_text(NOTES)
    (folder / "source.c").write_text(C_SOURCE)
    lines = {
        "notes": "notes.s", "packed": "source.c -g -gz",
        "packed before": "source.c -g -gz=zlib-gnu",
        "lto": "source.c -flto",
    }  # fmt: skip
    found = {}
    for name, words in lines.items():
        line = ["gcc", "-c", *words.split(), "-o", "made.o"]
        if subprocess.run(line, check=False, cwd=folder, capture_output=True).returncode == 0:
            found[name] = (folder / "made.o").read_bytes()
    return found


@pytest.fixture
def differs(oracle: Callable[[str], str], tmp_path: Path) -> Callable[[bytes, Sequence[str]], str]:
    """`differs(data, words)` is empty, or says how the two differ."""
    readelf, file = oracle("readelf-2.44"), tmp_path / "x.o"

    def run(data: bytes, words: Sequence[str]) -> str:
        file.write_bytes(data)
        mine = readelf_pair.ours([*words, str(file)])
        if b" here" in mine.err:
            return ""
        return readelf_pair.difference(readelf_pair.real(readelf, [*words, str(file)]), mine)

    return run


def test_damaged_notes(
    made: dict[str, bytes], differs: Callable[[bytes, Sequence[str]], str]
) -> None:
    values = (0, 1, 2, 3, 4, 5, 7, 8, 12, 16, 0x100, 0x101, 0xFFFFFFFF)
    for seed in range(150):
        chance, object_ = random.Random(seed), Editor(made["notes"])
        for _ in range(chance.choice((1, 1, 2, 4))):
            at = chance.choice(object_.of_type(NOTE))
            place, size = object_.rows[at][4:6]
            if chance.random() < 0.8:
                word = place + 4 * chance.randrange(size // 4)
                old = struct.unpack_from("<I", object_.data, word)[0]
                value = chance.choice((chance.choice(values), old ^ 1 << chance.randrange(32)))
                struct.pack_into("<I", object_.data, word, value)
            else:
                object_.field(at, chance.choice((32, 48)), chance.choice((0, 1, 8, 16, size - 4)))
        assert differs(bytes(object_.data), ("-nW" if seed % 2 else "-n",)) == "", seed


@pytest.mark.parametrize("kind", ["packed", "packed before"])
def test_damaged_compression(
    kind: str, made: dict[str, bytes], differs: Callable[[bytes, Sequence[str]], str]
) -> None:
    if kind not in made:
        pytest.skip("this gcc does not compress so")
    for seed in range(80):
        chance, object_ = random.Random(seed), Editor(made[kind])
        packed = [
            at for at, row in enumerate(object_.rows)
            if row[2] & 0x800 or object_.data[row[4] : row[4] + 4] == b"ZLIB"
        ]  # fmt: skip
        at = chance.choice(packed)
        place, size = object_.rows[at][4:6]
        way = chance.randrange(5)
        if way == 0:
            sizes = (0, 1, 1 << 20, 1 << 40, U64)
            struct.pack_into("<Q", object_.data, place + 8, chance.choice(sizes))
        elif way == 1:
            kinds = (0, 1, 3, 0x80000000, 0xFFFFFFFF)
            struct.pack_into("<I", object_.data, place, chance.choice(kinds))
        elif way == 2:
            object_.data[place + chance.randrange(size)] ^= 1 << chance.randrange(8)
        elif way == 3:
            object_.field(at, 32, chance.choice((0, 1, 12, 13, 23, 24, 25, size - 1, size + 1)))
        words = ("-z", f"-x{at}", f"-p{at}", f"-R{at}", "-t")
        assert differs(bytes(object_.data), words) == "", seed


def test_damaged_lto_symbols(
    made: dict[str, bytes], differs: Callable[[bytes, Sequence[str]], str]
) -> None:
    if "lto" not in made:
        pytest.skip("this gcc has no LTO")
    for seed in range(80):
        chance, object_ = random.Random(seed), Editor(made["lto"])
        for at in range(len(object_.rows)):
            name = object_.name(at)
            if not name.startswith(LTO_TABLES):
                continue
            place, size = object_.rows[at][4:6]
            if chance.random() < 0.5:
                object_.data[place + chance.randrange(size)] = chance.choice((0, 1, 65, 255))
            if chance.random() < 0.3:
                object_.field(at, 32, chance.choice((0, 1, 2, 3, size - 1, size + 5)))
            if name.startswith(LTO_TABLES[1]) and chance.random() < 0.7:
                # by which readelf finds it, see lto.py
                other = LTO_TABLES[1] + name[len(LTO_TABLES[1]) + 1 :] + b"\0"
                start = object_.names_at + object_.rows[at][0]
                object_.data[start : start + len(other)] = other
        assert differs(bytes(object_.data), ("--lto-syms", "-W" if seed % 2 else "-s")) == "", seed


def test_names_in_any_bytes(differs: Callable[[bytes, Sequence[str]], str]) -> None:
    """As escapes, for by default they are shown as the locale has them (test_readelf.py)."""
    for seed in range(120):
        chance, object_ = random.Random(seed), Editor(one_of_each_relocation(247, 3))
        some = (chance.randrange(256), 0x41, 0xE2, 0x82, 0xAC, 0xC3, 0xA9, 0)
        strings = b"\0.rela\0.symtab\0.strtab\0" + bytes(chance.choices(some, k=400))
        symbols = b"".join(
            struct.pack("<IBBHQQ", chance.randrange(22, 420), chance.choice((0, 3, 0x12)), 0,
                        chance.choice((0, 1, 2, 0xFFF1)), 0, 0)
            for _ in range(12)
        )  # fmt: skip
        for at, data in ((3, strings), (2, symbols)):
            object_.field(at, 24, len(object_.data))
            object_.field(at, 32, len(data))
            object_.data += data
        struct.pack_into("<I", object_.data, object_.start + 64, chance.randrange(23, 420))
        words = (f"-U{'exhi'[seed % 4]}", "-s", "-r", "-S", ("-W", "-T", "-X", "-h")[seed // 4 % 4])
        assert differs(bytes(object_.data), words) == "", seed
