"""Processes by descent and by namespace: --follow, -- COMMAND, --ppid, --mntns on this kernel."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from probee import Session
from probee.klib.follow import FOLLOW_PROGRAMS, followed
from tests.kernel.opensnoop_support import ROOT, VARIANTS, Snoop, Words, Worker
from tests.kernel.test_filters import opens, pinned

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support import Spawn

pytestmark = pytest.mark.kernel

# A child, a grandchild, one whose parent ends before it, threads of a child, and a child whose
# first thread ends before the second.
FAMILY = """
def child(body):
    pid = os.fork()
    if pid == 0:
        body()
        os._exit(0)
    os.waitpid(pid, 0)
def leader_ends():
    import time
    def rest():
        with open('/proc/self/stat') as file:
            pass
        time.sleep(0.2)
        openat(b'/no/second-thread')
        os._exit(0)
    threading.Thread(target=rest).start()
    libc.syscall(60, 0)
child(lambda: openat(b'/no/child'))
child(lambda: child(lambda: openat(b'/no/grandchild')))
read, write = os.pipe()
def orphan():
    if os.fork() == 0:
        while os.getppid() == parent:
            pass
        openat(b'/no/orphan')
        os.write(write, b'x')
        os._exit(0)
def begin():
    global parent
    parent = os.getpid()
    orphan()
child(begin)
os.read(read, 1)
def threads():
    many = [threading.Thread(target=openat, args=(b'/no/thread',)) for _ in range(3)]
    for one in many: one.start()
    for one in many: one.join()
child(threads)
child(leader_ends)
openat(b'/no/self')
"""
MEMBERS = ["child", "grandchild", "orphan", "second-thread", "self", *["thread"] * 3]


def members(snoop: Snoop) -> list[str]:
    """What FAMILY opened, as far as it was seen."""
    paths = [row["path"] or "" for row in snoop.rows()]
    return sorted(path.removeprefix("/no/") for path in paths if path.startswith("/no/"))


@VARIANTS
def test_descendants(spawn: Spawn, variant: Words) -> None:
    worker, other = Worker(spawn), Worker(spawn)
    snoop = Snoop(spawn, "-p", str(worker.pid), "--follow", "--json", *variant)
    snoop.wait_for(worker)
    other.do("if os.fork() == 0: openat(b'/no/other'); os._exit(0)")
    worker.do(FAMILY)
    assert snoop.end() == 0
    assert snoop.error_text == "probee opensnoop: 0 events lost\n"
    assert members(snoop) == MEMBERS


def test_descendants_that_are_there_already(spawn: Spawn) -> None:
    worker = Worker(spawn)
    worker.do(
        """
begin, go = os.pipe()
done, end = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.read(begin, 1)
        exec('''FAMILY''')
        os.write(end, b'x')
        os._exit(0)
    os.wait()
    os._exit(0)
""".replace("FAMILY", FAMILY)
    )
    snoop = Snoop(spawn, "-p", str(worker.pid), "--follow", "--json")
    snoop.wait_for(worker)
    worker.do("os.write(go, b'x'); os.read(done, 1)")
    assert snoop.end() == 0
    assert members(snoop) == MEMBERS


def test_not_the_tool_itself(spawn: Spawn) -> None:
    """`probee opensnoop -p $$ --follow` descends from that shell itself."""
    process = spawn(
        "sh", "-c", f"{sys.executable} -m probee opensnoop -p $$ --follow --json -d 1; :", cwd=ROOT
    )
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0
    assert err == b"probee opensnoop: 0 events lost\n"
    assert out == b""


def test_in_a_pid_namespace(spawn: Spawn, tmp_path: Path) -> None:
    """The ids of the namespace lead to processes whose ids in the kernel are others."""
    code = tmp_path / "family.py"
    code.write_text(WORKER_WITHOUT_LOOP + FAMILY)
    snoop = Snoop(
        spawn, "--json", "--", "sh", "-c", f"python3 -I -S {code}; true",
        under=("unshare", "--pid", "--fork", "--mount-proc"),
    )  # fmt: skip
    assert snoop.wait() == 0
    paths = [line for line in snoop.lines if b'"/no/' in line]
    assert len(paths) == len(MEMBERS), snoop.error_text


def test_parents_in_a_pid_namespace(spawn: Spawn) -> None:
    """A child and a grandchild of the namespace's first process: only the child counts."""
    inside = """
python3 -m probee opensnoop --ppid $$ -n cat --json & probee=$!
sleep 0.5
i=0
while [ $i -lt 30 ]; do
    cat /no/child; (cat /no/grandchild; true)
    i=$((i+1)); sleep 0.1
done 2>/dev/null
kill -TERM $probee
wait $probee
"""
    done = spawn(
        "unshare", "--pid", "--fork", "--mount-proc", "sh", "-c",
        inside.replace("python3", sys.executable), cwd=ROOT,
    )  # fmt: skip
    lines, errors = done.communicate(timeout=60)
    assert done.returncode == 0, errors.decode()
    assert b"/no/child" in lines
    assert b"/no/grandchild" not in lines


def worker_code() -> str:
    """What a Worker knows, without its loop."""
    from tests.kernel.opensnoop_support import WORKER

    return WORKER.partition("print('ready'")[0]


WORKER_WITHOUT_LOOP = worker_code()


def test_a_command_from_its_first_open(spawn: Spawn, tmp_path: Path) -> None:
    """Nothing of what probee does before it, and the command's status."""
    (tmp_path / "a file").write_text("")
    command = ("sh", "-c", 'cat "$0" < /dev/null & wait; exit 3', str(tmp_path / "a file"))
    snoop = Snoop(spawn, "--json", "-o", str(tmp_path / "rows"), "--", *command)
    assert snoop.wait() == 3
    assert snoop.error_text == "probee opensnoop: 0 events lost\n"
    rows = (tmp_path / "rows").read_text().splitlines()
    assert '"comm":"sh"' in rows[0]
    assert all('"comm":"sh"' in row or '"comm":"cat"' in row for row in rows)
    assert sum("/a file" in row for row in rows) == 1
    assert sum('"path":"/dev/null"' in row for row in rows) >= 1


def test_how_commands_end(spawn: Spawn, tmp_path: Path) -> None:
    killed = Snoop(spawn, "--", "sh", "-c", "kill -9 $$")
    assert killed.wait() == 128 + 9
    absent = Snoop(spawn, "--", "no-such-command-here")
    assert absent.wait() == 1
    assert "there is no command 'no-such-command-here'" in absent.error_text
    plain = tmp_path / "plain"
    plain.write_text("nothing to run")
    refused = Snoop(spawn, "--", str(plain))
    assert refused.wait() == 1
    assert "EACCES" in refused.error_text
    alone = Snoop(spawn, "--follow")
    assert alone.wait() == 2
    assert "--follow needs processes" in alone.error_text
    strange = Snoop(spawn, "word", "--", "true")
    assert strange.wait() == 2
    assert "'word' is not understood" in strange.error_text


@pytest.mark.parametrize("how", ["duration", "signal"])
def test_tracing_that_ends_before_the_command(spawn: Spawn, tmp_path: Path, how: str) -> None:
    note = tmp_path / "ended"
    script = (
        f"trap 'echo ended > {note}; exit' TERM; cat /etc/hostname; while :; do sleep 0.05; done"
    )
    words = ("-d", "0.7") if how == "duration" else ()
    snoop = Snoop(spawn, *words, "--", "sh", "-c", script)
    if how == "signal":
        while not any(b"/etc/hostname" in line for line in snoop.lines):
            assert snoop.process.poll() is None
        assert snoop.end(signal.SIGTERM) == 0
    else:
        assert snoop.wait() == 0
    for _ in range(500):
        if note.exists():
            break
        signal.sigtimedwait([], 0.01)
    assert note.read_text() == "ended\n"


def test_more_than_there_is_room_for(spawn: Spawn) -> None:
    worker = Worker(spawn)
    with Session(*FOLLOW_PROGRAMS, map_sizes={followed: 2}) as session:
        session[followed][worker.pid] = 1
        worker.do("""
pids = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        import time
        time.sleep(60)
    pids.append(pid)
answer = pids
for pid in pids: os.kill(pid, 9); os.waitpid(pid, 0)
""")
        session.detach()
        losses = [(loss.kind, loss.subject, loss.count) for loss in session.losses()]
        assert losses == [("map_update", "followed", 3)]
        assert list(session[followed]) == [worker.pid]  # those who ended are taken out


def test_children_of_a_process(spawn: Spawn) -> None:
    worker, other = Worker(spawn), Worker(spawn)
    snoop = Snoop(spawn, "--ppid", f"{os.getpid()}", "-p", str(worker.pid), "--json")
    assert opens(snoop, worker, other) == [20, 0]
    several = Snoop(spawn, "--ppid", f"{worker.pid},{os.getpid()}", "--json", "-u", "54321")
    code = "if os.fork() == 0:\n os.setuid(54321)\n {!r}\n exec({!r})\n os._exit(0)\nos.wait()"
    several.wait_for(worker, how="if os.fork() == 0:\n os.setuid(54321); exec({!r}); os._exit(0)\n"
                     "os.wait()")  # fmt: skip
    worker.do(code.format("", "openat(b'/no/child')"))
    worker.do("if os.fork() == 0:\n" + "\n".join(
        f" {line}" for line in code.format("", "openat(b'/no/grandchild')").splitlines()
    ) + "\n os._exit(0)\nos.wait()")  # fmt: skip
    assert several.end() == 0
    assert [row["path"] for row in several.rows() if row["path"].startswith("/no/")] == [
        "/no/child"
    ]


def test_mount_namespaces(spawn: Spawn, tmp_path: Path) -> None:
    workers = [Worker(spawn) for _ in range(3)]
    for worker in workers[:2]:
        worker.do("answer = libc.unshare(0x20000)")
    numbers = [os.stat(f"/proc/{worker.pid}/ns/mnt").st_ino for worker in workers]
    by_pid = Snoop(spawn, "--mntns", str(workers[0].pid), "--json")
    assert opens(by_pid, *workers) == [20, 0, 0]
    names = f"mnt:[{numbers[0]}],{numbers[1]}"
    by_number = Snoop(spawn, "--mntns", names, "--json")
    assert opens(by_number, *workers) == [20, 20, 0]
    by_file = Snoop(spawn, "--mntns", f"/proc/{workers[1].pid}/ns/mnt", "--json")
    assert opens(by_file, workers[1], workers[0]) == [20, 0]
    with pinned(tmp_path, 8, numbers[1]) as path:
        by_map = Snoop(spawn, "--mntnsmap", path, "--json")
        assert opens(by_map, workers[1], workers[0], workers[2]) == [20, 0, 0]


@pytest.mark.parametrize(
    ("text", "status", "what"),
    [
        ("/proc/self/ns/uts", 1, "is a namespace, but not of mounts"),
        ("/etc/hostname", 1, "is not the file of a namespace"),
        ("/no/such", 1, "there is no /no/such"),
        ("4194303", 1, "there is no /proc/4194303/ns/mnt"),
        ("word", 2, "'word' is no process"),
    ],
)
def test_what_is_no_mount_namespace(spawn: Spawn, text: str, status: int, what: str) -> None:
    snoop = Snoop(spawn, "--mntns", text)
    assert snoop.wait() == status
    assert what in snoop.error_text
