"""A folder for things that are cheaper to read back than to make again, safe for root to trust.

In: a name and bytes. Out: the same bytes later, or None. What lies here may be loaded into the
kernel by root, so nobody else may ever have had a hand in it:

- The folder belongs to the effective user, mode 0700; every folder above it belongs to that user
  or to root, and lets nobody else write (sticky ones like /tmp aside). It is walked to component by
  component with O_NOFOLLOW, so what is checked is what is used. Hence root never uses a folder
  below another user's home, whatever `sudo` left in HOME or XDG_CACHE_HOME.
- A file is a regular one of the same user, mode 0600, with one name. It is written aside and
  renamed.
- What breaks a rule is not used and not repaired: the caller makes the thing again.

    root         /var/cache/probee, else .cache/probee in root's own home
    others       $XDG_CACHE_HOME/probee, else ~/.cache/probee
    override     PROBEE_CACHE_DIR=/absolute/folder, under the same rules; PROBEE_CACHE=off for none

Not being able to keep something is never an error: `problems` says why, for `--verbose`.
"""

from __future__ import annotations

import os
from binascii import crc32
from errno import ENOENT
from stat import S_IMODE, S_ISDIR, S_ISREG, S_ISVTX
from struct import Struct

from probee.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_ENTRIES = 256
MAX_BYTES = 64 << 20

# magic, length and crc32 of the content. The sum finds what a power cut left half written; content
# that must be more than whole carries a digest of its own.
_HEADER = Struct("<8sQI4x")
_MAGIC = b"probee\x00\x01"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_NO_NAMES = frozenset(("", ".", ".."))
# Only files of this suffix are ever removed: a folder named by mistake loses nothing of its own.
_SUFFIX = ".probee"
_ASIDE = ".new-"
_STALE_SECONDS = 3600
# On the way O_PATH: a folder above may be one that we can pass but not list.
_PASS_DIR = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO that somebody put there must not wait for a writer.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class _Unusable(Exception):
    """Why a folder or file may not be used, as a sentence."""


def fetch(name: str) -> bytes | None:
    """The bytes stored under `name`, or None: not there, or not to be trusted."""
    return CacheDir().fetch(name)


def store(name: str, content: bytes) -> bool:
    """Keeps `content` under `name` for later. False where this machine has no place for it."""
    return CacheDir().store(name, content)


class CacheDir:
    """The cache folder of this process's effective user. Each call opens it anew: nothing is held.

    `problems`: one sentence for each thing that could not be used or kept.
    """

    __slots__ = ("_environ", "_override", "problems")

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.problems: list[str] = []
        self._environ = os.environ if environ is None else environ
        self._override = _override(self._environ)
        if self._override == ():
            self.problems.append("PROBEE_CACHE=off: nothing is read from the cache or kept")

    def fetch(self, name: str) -> bytes | None:
        """The bytes stored under `name`, or None: not there, or not to be trusted."""
        _check_name(name)
        folder = self._open(create=False)
        if folder is None:
            return None
        try:
            return _read(folder, name)
        except _Unusable as error:
            self.problems.append(f"cache entry {name} is ignored: {error}")
        except OSError as error:
            if error.errno != ENOENT:
                self.problems.append(f"cache entry {name} is ignored: {error.strerror}")
        finally:
            os.close(folder)
        return None

    def store(self, name: str, content: bytes) -> bool:
        """Keeps `content` under `name`, replacing what was there. False if it cannot be kept."""
        _check_name(name)
        if len(content) > MAX_BYTES - _HEADER.size:
            self.problems.append(f"cache entry {name} is too large to keep: {len(content)} bytes")
            return False
        folder = self._open(create=True)
        if folder is None:
            return False
        try:
            _write(folder, name, content)
            _evict(folder, keep=name + _SUFFIX)
        except OSError as error:
            self.problems.append(f"cache entry {name} could not be kept: {error.strerror}")
            return False
        finally:
            os.close(folder)
        return True

    def _open(self, *, create: bool) -> int | None:
        """A descriptor of the first folder that may be used, or None."""
        for path in self._override if self._override is not None else _folders(self._environ):
            try:
                return _open_folder(path, create=create)
            except _Unusable as error:
                self.problems.append(f"cache folder {path} is not used: {error}")
            except OSError as error:
                if create or error.errno != ENOENT:
                    self.problems.append(f"cache folder {path} is not used: {error.strerror}")
        return None


def _override(environ: Mapping[str, str]) -> tuple[str, ...] | None:
    """The only folders to try by the environment's word; None where it says nothing."""
    if environ.get("PROBEE_CACHE") == "off":
        return ()
    override = environ.get("PROBEE_CACHE_DIR")
    if override:
        if not override.startswith("/") or os.path.basename(override.rstrip("/")) in _NO_NAMES:
            raise UsageError(f"PROBEE_CACHE_DIR={override}: an absolute path of a folder is wanted")
        return (override,)
    return None


def _folders(environ: Mapping[str, str]) -> Iterator[str]:
    """The folders to try, in order; nobody is looked up before it must be."""
    if os.geteuid() == 0:
        # /var/cache is everybody's: it is not ours to make, with a mode that shuts others out.
        if os.path.isdir("/var/cache"):
            yield "/var/cache/probee"
        places = [f"{_home()}/.cache"]
    else:
        places = [environ.get("XDG_CACHE_HOME", ""), f"{environ.get('HOME') or _home()}/.cache"]
    for place in places:
        if place.startswith("/"):
            yield f"{place}/probee"


def _home() -> str:
    """This user's home as the machine has it, whatever HOME says; "" without an account."""
    from pwd import getpwuid

    try:
        return getpwuid(os.geteuid()).pw_dir
    except KeyError:  # as containers have them
        return ""


def _open_folder(path: str, *, create: bool) -> int:
    """Walks to `path` from the root, checking each step. Raises _Unusable, OSError."""
    # Links on the way (/var/cache on another disk) are resolved first, but not the last component.
    above, last = os.path.split(path.rstrip("/"))
    parts = [part for part in f"{os.path.realpath(above)}/{last}".split("/") if part]
    here = os.open("/", _PASS_DIR)
    try:
        _check_folder(here, "/", final=False)
        for depth, part in enumerate(parts, 1):
            final = depth == len(parts)
            there = _step(here, part, _OPEN_DIR if final else _PASS_DIR, create=create)
            os.close(here)
            here = there
            _check_folder(here, "/" + "/".join(parts[:depth]), final=final)
        return here
    except BaseException:
        os.close(here)
        raise


def _step(parent: int, name: str, flags: int, *, create: bool) -> int:
    """Opens, and if asked makes, the folder `name` in `parent`."""
    try:
        return os.open(name, flags, dir_fd=parent)
    except FileNotFoundError:
        if not create:
            raise
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
    except FileExistsError:  # another process of ours was quicker
        return os.open(name, flags, dir_fd=parent)
    made = os.open(name, _PASS_DIR, dir_fd=parent)  # its mode may be one that we cannot read with
    try:
        if S_IMODE(os.fstat(made).st_mode) & 0o777 != 0o700:  # the umask took something away
            os.chmod(f"/proc/self/fd/{made}", 0o700)
    finally:
        os.close(made)
    return os.open(name, flags, dir_fd=parent)


def _check_folder(fd: int, where: str, *, final: bool) -> None:
    status = os.fstat(fd)
    mode, me = S_IMODE(status.st_mode), os.geteuid()
    if not S_ISDIR(status.st_mode):
        raise _Unusable(f"{where} is no folder")
    if final:
        if status.st_uid != me:
            raise _Unusable(f"it belongs to uid {status.st_uid}, not to uid {me}")
        if mode & 0o777 != 0o700:
            raise _Unusable(f"its mode is {mode & 0o777:04o}; 0700 is wanted")
    elif status.st_uid not in {0, me}:
        raise _Unusable(f"{where} belongs to uid {status.st_uid}")
    elif mode & 0o022 and not mode & S_ISVTX:
        raise _Unusable(f"others may write to {where}")


def _check_name(name: str) -> None:
    if not 0 < len(name) <= 128 or name[0] == "." or not _NAME.issuperset(name):
        raise UsageError(f"{name!r} is no name for a cache entry")


def _read(folder: int, name: str) -> bytes:
    fd = os.open(name + _SUFFIX, _OPEN_FILE, dir_fd=folder)
    try:
        status = os.fstat(fd)
        if not S_ISREG(status.st_mode):
            raise _Unusable("it is no regular file")
        if status.st_uid != os.geteuid():
            raise _Unusable(f"it belongs to uid {status.st_uid}")
        # No name at all: another process of ours replaced it between our two calls.
        if S_IMODE(status.st_mode) != 0o600 or status.st_nlink > 1:
            raise _Unusable("others may have had a hand in it")
        if not _HEADER.size <= status.st_size <= MAX_BYTES:
            raise _Unusable(f"its size is {status.st_size} bytes")
        data = b""
        while len(data) < status.st_size and (more := os.read(fd, status.st_size - len(data))):
            data += more
    finally:
        os.close(fd)
    if len(data) != status.st_size:
        raise _Unusable("it shrank while it was read")
    magic, length, total = _HEADER.unpack_from(data)
    content = data[_HEADER.size :]
    if magic != _MAGIC or length != len(content) or total != crc32(content):
        raise _Unusable("its content is damaged")
    return content


def _write(folder: int, name: str, content: bytes) -> None:
    aside = f"{_ASIDE}{os.getpid()}-{os.urandom(8).hex()}{_SUFFIX}"
    fd = os.open(aside, _CREATE, 0o600, dir_fd=folder)
    try:
        try:
            os.fchmod(fd, 0o600)  # whatever the umask took away
            rest = memoryview(_HEADER.pack(_MAGIC, len(content), crc32(content)) + content)
            while rest:
                rest = rest[os.write(fd, rest) :]
        finally:
            os.close(fd)
        os.rename(aside, name + _SUFFIX, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(aside, dir_fd=folder)
        raise


def _evict(folder: int, *, keep: str) -> None:
    """Removes the oldest entries past the bounds, and what writers that died left aside."""
    entries: list[tuple[int, int, str]] = []
    for name in os.listdir(folder):
        if not name.endswith(_SUFFIX) or name == keep:
            continue
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:  # another process evicts at this moment
            continue
        if S_ISREG(status.st_mode):
            entries.append((status.st_mtime_ns, status.st_size, name))
    now = os.stat(keep, dir_fd=folder).st_mtime_ns
    entries.sort(reverse=True)
    kept, size = 1, os.stat(keep, dir_fd=folder).st_size
    for written, length, name in entries:
        if name.startswith(_ASIDE):
            stale = now - written > _STALE_SECONDS * 1_000_000_000
        else:
            kept, size = kept + 1, size + length
            stale = kept > MAX_ENTRIES or size > MAX_BYTES
        if stale:
            try:
                os.unlink(name, dir_fd=folder)
            except FileNotFoundError:
                continue
