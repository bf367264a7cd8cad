"""The configuration that the running kernel was built with.

In: its release. Out: the values of all CONFIG_ names that are set, or why nobody knows them. It is
read in /proc/config.gz, where the kernel has it, else in /boot.
"""

from __future__ import annotations

_LARGEST = 1 << 24


def read_config(release: str) -> tuple[dict[str, str], str]:
    """Values by name, as they stand in the file (`y`, `100`, `"text"`); and why none, else ''."""
    text = _unpacked("/proc/config.gz")
    for path in (f"/boot/config-{release}", f"/lib/modules/{release}/config"):
        text = text or _plain(path)
    if not text:
        return {}, "there is neither /proc/config.gz nor a config file in /boot"
    return parse(text), ""


def parse(text: str) -> dict[str, str]:
    """The names that are set."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.startswith("CONFIG_"):
            found[name] = value
    return found


def _plain(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_LARGEST).decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def _unpacked(path: str) -> str:
    import zlib

    try:
        with open(path, "rb") as file:
            data = zlib.decompressobj(31).decompress(file.read(_LARGEST), _LARGEST)
    except (OSError, zlib.error):
        return ""
    return data.decode("utf-8", "surrogateescape")
