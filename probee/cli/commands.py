"""What `probee WORD` can be: one row each.

In: nothing. Out: tools that are built, and names that are planned, so that asking for one of those
gets the truth and not a guess at another word.
"""

from __future__ import annotations

# name, what it does; each lives in probee/tools/<name>.py as TOOL
TOOLS: tuple[tuple[str, str], ...] = (
    ("opensnoop", "Trace opens of files: who opened what, with what result."),
)

# the same for what is no tool, by what it is about; each lives in probee/cli/<name>.py as PAGE and
# run()
COMMAND_GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("What is loaded, and what it costs", (
        ("ps", "List loaded programs: where they run, whose they are, their cost."),
        ("top", "Watch what loaded programs cost, live."),
        ("explain", "Explain loaded programs in prose: when they run, what they do."),
        ("doctor", "Tell what this kernel and these rights allow here."),
    )),
    ("What is loaded, in bpftool's form", (
        ("prog", "Show loaded programs, in bpftool's form."),
        ("map", "Show loaded maps and what they hold, in bpftool's form."),
        ("link", "Show what holds programs at their hooks, in bpftool's form."),
        ("btf", "Show loaded BTF, and print types, in bpftool's form."),
        ("net", "Show programs at network hooks, in bpftool's form."),
        ("cgroup", "Show programs attached to cgroups, in bpftool's form."),
        ("perf", "Show which processes trace with programs, in bpftool's form."),
        ("struct_ops", "Show programs in place of kernel functions, in bpftool's form."),
        ("feature", "Tell what this kernel can do with programs, in bpftool's form."),
        ("batch", "Carry out commands of bpftool's grammar from a file."),
    )),
    ("Programs and object files", (
        ("build", "Write programs as a BPF object file."),
        ("inspect", "Explain BPF object files, and what this kernel makes of them."),
        ("cfg", "Draw the control flow of a program, of a file or loaded."),
        ("readelf", "Show what stands in ELF64 files, as GNU readelf 2.44 prints it."),
        ("objdump", "Disassemble BPF object files, in llvm-objdump's form."),
        ("stubs", "Write classes with the fields of tracepoints, for type checkers."),
    )),
    ("Manual pages, words for shells", (
        ("man", "Print manual pages, or write them into a directory."),
        ("completion", "Print a script with which a shell completes probee's words."),
    )),
)  # fmt: skip
COMMANDS: tuple[tuple[str, str], ...] = tuple(row for _, rows in COMMAND_GROUPS for row in rows)

# Verbs with a page of their own: PAGE of probee/cli/<command>_<verb>.py
VERB_PAGES = ("map watch",)

# Commands of bpftool's grammar, in its order: a word that is no whole name means the first of these
# that it begins. Options of such a command may stand before it.
OBJECTS = (
    "batch", "prog", "map", "link", "cgroup", "perf", "net", "feature", "btf", "gen", "struct_ops",
    "iter", "version",
)  # fmt: skip

NOT_BUILT_COMMANDS = (
    "run",
    "check",
    "trace",
    "gen",
    "iter",
)

NOT_BUILT_TOOLS = (
    "execsnoop", "biosnoop", "biolatency", "tcpconnect", "profile", "runqlat", "tcpaccept",
    "tcpretrans", "tcplife", "cachestat", "fsslower", "fsdist", "memleak", "offcputime", "syscount",
    "gethostlatency", "biotop", "tcpconnlat", "statsnoop", "tcptop", "filetop", "funccount",
    "funclatency", "stackcount", "argdist", "hardirqs", "softirqs", "mountsnoop", "tcpstates",
    "sslsniff", "tcpdrop", "capable", "oomkill", "exitsnoop", "killsnoop", "sigsnoop", "filelife",
    "vfsstat", "runqslower", "runqlen", "cpudist", "bindsnoop", "solisten", "bashreadline",
    "wakeuptime", "offwaketime", "tcprtt", "klockstat", "futexctn", "drsnoop", "slabratetop",
    "dcsnoop", "dcstat",
)  # fmt: skip
