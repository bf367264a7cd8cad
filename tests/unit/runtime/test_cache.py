"""The compile cache: what is in its key, and what it does with bad entries."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

import probee
from probee.host.cachedir import CacheDir
from probee.runtime import cache as cache_module
from probee.runtime.cache import CompileCache, changed, file_rows, fingerprint, spec_key
from probee.runtime.codec import encode
from probee.spec import CollectionSpec, MapSpec, Target

if TYPE_CHECKING:
    from pathlib import Path

SPEC = CollectionSpec((MapSpec("m", 1, 4, 4, 1),), ())
KEY = "0" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def cache(folder: Path) -> CompileCache:
    return CompileCache(CacheDir({"PROBEE_CACHE_DIR": str(folder)}))


def test_a_spec_is_kept(cache: CompileCache) -> None:
    assert cache.find(KEY) is None
    assert cache.keep(KEY, SPEC)
    assert cache.find(KEY) == SPEC
    assert cache.find("1" * 64) is None
    assert cache.problems == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a spec",
        encode(SPEC)[:-1],
        encode(SPEC) + b"\0",
        b"\x80\x04cos\nsystem\n(S'true'\ntR.",  # a pickle
    ],
)
def test_a_poisoned_entry_is_a_miss(cache: CompileCache, folder: Path, content: bytes) -> None:
    assert CacheDir({"PROBEE_CACHE_DIR": str(folder)}).store(f"spec-{KEY}", content)
    assert cache.find(KEY) is None
    assert f"spec-{KEY} is ignored" in cache.problems[0]
    assert cache.keep(KEY, SPEC)
    assert cache.find(KEY) == SPEC


BASE = {
    "identity": b"source",
    "consts": ("a", "b"),
    "target": Target(),
    "license": "GPL",
    "kernel": b"6.18",
    "compiler": b"fingerprint",
}


def key(**changes: object) -> str:
    return spec_key(**{**BASE, **changes})  # type: ignore[arg-type]


def test_all_that_matters_is_in_the_key() -> None:
    others = [
        key(identity=b"other"),
        key(consts=("a",)),
        key(consts=()),
        key(target=Target(isa=4)),
        key(target=Target(endian="big")),
        key(license="MIT"),
        key(kernel=b"6.19"),
        key(compiler=b"other"),
        key(identity=b"source6", kernel=b".18"),  # the parts do not run into one another
    ]
    assert len({key(), *others}) == 1 + len(others)
    assert key(consts=("b", "a")) == key()
    assert len(key()) == 64


def test_the_fingerprint_follows_the_compilers_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = os.path.dirname(probee.__file__)
    copy = tmp_path / "probee"
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache_module, "__file__", str(copy / "runtime" / "cache.py"))
    before = files()
    assert files() == before
    os.utime(copy / "spec" / "types.py", ns=(1, 1))
    touched = files()
    assert touched != before
    # Another file of the same size and time, as cp -p or tar would leave it.
    status = (copy / "spec" / "types.py").stat()
    (copy / "spec" / "types.py").write_bytes(b"#" * status.st_size)
    os.utime(copy / "spec" / "types.py", ns=(1, 1))
    assert files() != touched
    touched = files()
    assert changed(file_rows() or (), status.st_ctime_ns)
    assert not changed(file_rows() or (), time.time_ns() + 10**9)
    for room in ("lang", "klib", "tools", "frame"):
        (copy / room / "new.py").write_text("")
        assert files() != touched
        touched = files()
    shutil.rmtree(copy / "asm")
    assert file_rows() is None  # not where it should be: no cache


def files() -> bytes:
    rows = file_rows()
    assert rows is not None
    return fingerprint(rows)
