"""What real shells complete: a script of ours, a line, the Tab key; out come the candidates.

bash and zsh complete only at a terminal, so each runs at one; fish answers `complete -C`.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

PATIENCE = 60.0  # seconds, for a machine that is busy
DONE = "--end--"

# The function that probee registered, and after it what it left for readline.
BASH = r"""
PS1=; set +o history; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'
bind 'set completion-query-items 0'
source "$SCRIPT"
compopt() { printf 'compopt %s\n' "$*" >>"$ANSWER"; builtin compopt "$@"; }
_watched() {
    _probee "$@"
    { ((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"; echo --end--; } >>"$ANSWER"
}
complete -F _watched probee
echo --end-- >>"$ANSWER"
"""

# What compadd is given, cut down to what fits the line; then the same by zsh's own.
ZSH = r"""
PS1=; unsetopt beep; LISTMAX=100000 # no question before long lists
fpath=("$HOME" $fpath)
autoload -Uz compinit; compinit -D -u
compadd() {
    local -a hits
    if [[ ${@[1,(i)(-|--)]} != *-[OAD]* ]]; then
        builtin compadd -A hits "$@"
        (($#hits)) && print -rl -- "$IPREFIX"${^hits} >>$ANSWER
    fi
    builtin compadd "$@"
}
finished() { print -r -- --end-- >>$ANSWER }
comppostfuncs=(finished)
complete-it() { comppostfuncs=(finished); zle complete-word }
zle -N complete-it
bindkey '^I' complete-it
print -r -- --end-- >>$ANSWER
"""


class Shell:
    """bash or zsh at a terminal of its own, in directory `home`."""

    def __init__(self, path: str, kind: str, script: str, home: Path) -> None:
        self._answer = home / "answer"
        (home / ("script" if kind == "bash" else "_probee")).write_text(script, encoding="utf-8")
        (home / "start").write_text(BASH if kind == "bash" else ZSH, encoding="utf-8")
        options = ["--norc", "--noprofile", "-i"] if kind == "bash" else ["-f", "-i"]
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8",
            "SCRIPT": str(home / "script"), "ANSWER": str(self._answer),
        }  # fmt: skip
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(home)
            os.execve(path, [kind, *options], environment)
        # Long lines must not wrap, and long lists not ask.
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("4H", 2000, 2000, 0, 0))
        self.ask(f"source {home}/start\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._fd)

    def candidates(self, line: str) -> list[str]:
        """What Tab offers behind `line`, which is then taken away."""
        found = self.ask(f"{line}\t")
        os.write(
            self._fd, b"\x15"
        )  # Ctrl-U: a fresh line. Ctrl-C would drop what is typed behind it
        return found

    def screen(self, keys: str) -> str:
        """What the terminal shows half a second after these keys; then a fresh line.

        Return waits for what Tab does: zsh takes a Tab with keys behind it for pasted text.
        """
        typed = keys.removesuffix("\n")
        os.write(self._fd, typed.encode())
        shown = self._read_screen(0.5)
        if typed != keys:
            os.write(self._fd, b"\n")
            shown += self._read_screen(0.5)
        os.write(self._fd, b"\x15")
        return shown

    def ask(self, keys: str) -> list[str]:
        """Types the keys; the lines of the answer that they lead to."""
        self._answer.write_text("", encoding="utf-8")
        os.write(self._fd, keys.encode())
        end = time.monotonic() + PATIENCE
        while True:
            shown = self._read_screen(0.01)
            lines = self._answer.read_text(encoding="utf-8", errors="replace").split("\n")
            if DONE in lines:
                return sorted(line for line in lines if line and line != DONE)
            assert time.monotonic() < end, (keys, lines, shown)

    def _read_screen(self, seconds: float) -> str:
        shown = b""
        while select.select([self._fd], [], [], seconds)[0]:
            shown += os.read(self._fd, 65536)
        return shown.decode(errors="replace")


def fish_candidates(path: str, script: Path, line: str) -> list[str]:
    """What fish offers behind `line`, without the descriptions."""
    done = subprocess.run(
        [path, "--no-config", "-c", 'source "$argv[1]"; complete -C "$argv[2]"', str(script), line],
        capture_output=True, text=True, check=True, errors="replace", cwd=script.parent,
    )  # fmt: skip
    assert done.stderr == "", done.stderr
    return sorted(row.split("\t")[0] for row in done.stdout.splitlines())
