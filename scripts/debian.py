"""Packages of another suite of Debian, asked of apt without touching this system's own lists.

In: a suite, the label of the archive that has it, a folder to keep lists in; apt as this machine is
set up, whose own lists say where the archives are.
Out: names of packages, and packages unpacked into a folder.

Standard library only: scripts/oracles.py runs before anything else is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")  # package debian-archive-keyring


class Unavailable(Exception):
    """A package or a program that is needed cannot be had; the message says why."""


def run(*words: str, cwd: Path | None = None) -> str:
    """What a program printed. Raises Unavailable with its last words if it failed."""
    try:
        done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Unavailable(f"{words[0]} is missing: this needs Debian's packages") from None
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise Unavailable(f"{words[0]} ended with status {done.returncode}: {' / '.join(last)}")
    return done.stdout


def archive(label: str) -> str:
    """The address that this machine's apt has for the archive of that label."""
    form = "$(CREATED_BY)\t$(LABEL)\t$(REPO_URI)"
    for line in run("apt-get", "indextargets", "--format", form).splitlines():
        by, found, uri = line.split("\t")
        if by == "Packages" and found == label:
            return uri
    raise Unavailable(f"apt knows no archive {label!r}: run apt-get update, on Debian")


class Suite:
    """One suite as apt sees it with folders of its own; its index is fetched now."""

    def __init__(self, suite: str, label: str, folder: Path) -> None:
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        signed = f" [signed-by={KEYRING}]" if KEYRING.exists() else ""
        line = f"deb{signed} {archive(label)} {suite} main\n"
        (folder / "sources.list").write_text(line, encoding="utf-8")
        options = {
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": folder / "cache",
            "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
            "Acquire::Languages": "none",
            "Debug::NoLocking": "1",  # the folders are ours; the system's lock is not
        }
        self._options = [
            word for name, value in options.items() for word in ("-o", f"{name}={value}")
        ]
        self._archives = folder / "cache" / "archives"
        # Without the first option a list that cannot be fetched is no error to apt.
        try:
            run("apt-get", "-o", "APT::Update::Error-Mode=any", *self._options, "-q", "update")
        except Unavailable as error:
            raise Unavailable(f"the suite {suite} cannot be reached: {error}") from None

    def names(self, prefix: str) -> list[str]:
        """The packages whose name begins with `prefix`."""
        return run("apt-cache", *self._options, "pkgnames", prefix).split()

    def unpack(self, packages: list[str], folder: Path) -> None:
        """Downloads `packages` alone and unpacks them into `folder`."""
        downloads = folder / "packages"
        downloads.mkdir()
        run("apt-get", *self._options, "-q", "download", *packages, cwd=downloads)
        _unpack(downloads, folder)
        shutil.rmtree(downloads)

    def unpack_whole(self, packages: list[str], folder: Path) -> None:
        """The same with everything that they depend on, down to the C library."""
        words = ["--download-only", "--no-install-recommends", "--yes", "install", *packages]
        run("apt-get", *self._options, "-q", *words)
        _unpack(self._archives, folder)
        run("apt-get", *self._options, "clean")


def _unpack(packages: Path, folder: Path) -> None:
    for package in sorted(packages.glob("*.deb")):
        run("dpkg", "-x", str(package), str(folder))
