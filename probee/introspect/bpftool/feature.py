"""`feature probe`: a report of probee.introspect.loaded.features as text, JSON or C macros."""

from __future__ import annotations

from probee.introspect.loaded.settings import UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from probee.introspect.bpftool.jsonw import JsonWriter
    from probee.introspect.loaded.features import Helpers, Report
    from probee.introspect.loaded.settings import Setting

# What each value of a setting means; at UNKNOWN what is said if it cannot be read, at None of any
# other value. bpf_jit_limit is a number of bytes.
_JIT = "JIT compiler"
_SETTINGS: dict[str, dict[int | None, str]] = {
    "unprivileged_bpf_disabled": {
        0: "bpf() syscall for unprivileged users is enabled",
        1: "bpf() syscall restricted to privileged users (without recovery)",
        2: "bpf() syscall restricted to privileged users (admin can change)",
        UNKNOWN: "Unable to retrieve required privileges for bpf() syscall",
        None: "bpf() syscall restriction has unknown value {}",
    },
    "bpf_jit_enable": {
        0: f"{_JIT} is disabled",
        1: f"{_JIT} is enabled",
        2: f"{_JIT} is enabled with debugging traces in kernel logs",
        UNKNOWN: "Unable to retrieve JIT-compiler status",
        None: "JIT-compiler status has unknown value {}",
    },
    "bpf_jit_harden": {
        0: f"{_JIT} hardening is disabled",
        1: f"{_JIT} hardening is enabled for unprivileged users",
        2: f"{_JIT} hardening is enabled for all users",
        UNKNOWN: "Unable to retrieve JIT hardening status",
        None: "JIT hardening status has unknown value {}",
    },
    "bpf_jit_kallsyms": {
        0: f"{_JIT} kallsyms exports are disabled",
        1: f"{_JIT} kallsyms exports are enabled for root",
        UNKNOWN: "Unable to retrieve JIT kallsyms export status",
        None: "JIT kallsyms exports status has unknown value {}",
    },
    "bpf_jit_limit": {
        UNKNOWN: "Unable to retrieve global memory limit for JIT compiler for unprivileged users",
        None: "Global memory limit for JIT compiler for unprivileged users is {} bytes",
    },
}

# Name, in text, as a macro.
_MISC = {
    "large_insn_limit": "Large program size limit",
    "bounded_loops": "Bounded loop support",
    "v2_isa_extension": "ISA extension v2",
    "v3_isa_extension": "ISA extension v3",
}

_IN_MACROS = {"CONFIG_HZ"}  # an option's value that C programs use

_HELPER_MACRO = """\
/*
 * Use {0}HAVE_PROG_TYPE_HELPER(prog_type_name, helper_name)
 * to determine if <helper_name> is available for <prog_type_name>,
 * e.g.
 *\t#if {0}HAVE_PROG_TYPE_HELPER(xdp, bpf_redirect)
 *\t\t// do stuff with this helper
 *\t#elif
 *\t\t// use a workaround
 *\t#endif
 */
#define {0}HAVE_PROG_TYPE_HELPER(prog_type, helper)\t\\
\t{0}BPF__PROG_TYPE_ ## prog_type ## __HELPER_ ## helper
"""


def report_text(report: Report) -> Iterator[str]:
    """Sections with a title, and an empty line behind each."""
    if report.config is not None:
        yield "Scanning system configuration...\n"
        for setting in report.settings or ():
            yield f"{_setting_text(setting)}\n"
        for name, value in report.config.options:
            yield f"{name} is {'not set' if value is None else f'set to {value}'}\n"
        yield "\n"
    yield "Scanning system call availability...\n"
    yield f"bpf() syscall is {_available(report.syscall)}\n\n"
    if not report.syscall:
        return
    yield "Scanning eBPF program types...\n"
    for name, has in report.types:
        yield f"eBPF program_type {name} is {_available(has)}\n"
    yield "\nScanning eBPF map types...\n"
    for name, has in report.maps:
        yield f"eBPF map_type {name} is {_available(has)}\n"
    yield "\nScanning eBPF helper functions...\n"
    for row in report.helpers:
        yield from _helpers_text(row)
    yield "\nScanning miscellaneous eBPF features...\n"
    for name, has in report.misc:
        yield f"{_MISC[name]} is {_available(has)}\n"
    yield "\n"


def _available(has: bool) -> str:
    return "available" if has else "NOT available"


def _setting_text(setting: Setting) -> str:
    words = _SETTINGS[setting.name]
    return words.get(setting.value, words[None]).format(setting.value)


def _helpers_text(row: Helpers) -> Iterator[str]:
    yield f"eBPF helpers supported for program type {row.type}:"
    for name in row.asked:
        if name in row.available:
            yield f"\n\t- {name}"
    yield "\n"
    if not row.available:
        why = "Could not determine which helpers are available"
        yield f"\t{why if row.supported else 'Program type not supported'}\n"


def report_macros(report: Report, prefix: str) -> Iterator[str]:
    """C macros whose names begin with `prefix`."""
    if report.config is not None:
        yield "/*** Misc kernel config items ***/\n"
        for name, value in report.config.options:
            if name in _IN_MACROS and value is None:
                yield f"/* {prefix}{name} is not set */\n"
            elif name in _IN_MACROS:
                yield f"#define {prefix}{name} {value}\n"
        yield "\n"
    yield "/*** System call availability ***/\n"
    yield _have(prefix, "bpf_syscall", report.syscall)
    yield "\n"
    if not report.syscall:
        return
    yield "/*** eBPF program types ***/\n"
    for name, has in report.types:
        yield _have(prefix, f"{name}_prog_type", has)
    yield "\n/*** eBPF map types ***/\n"
    for name, has in report.maps:
        yield _have(prefix, f"{name}_map_type", has)
    yield "\n/*** eBPF helper functions ***/\n"
    yield _HELPER_MACRO.format(prefix)
    for row in report.helpers:
        for name in row.asked:
            answer = int(name in row.available)
            yield f"#define {prefix}BPF__PROG_TYPE_{row.type}__HELPER_{name} {answer}\n"
    yield "\n/*** eBPF misc features ***/\n"
    for name, has in report.misc:
        yield _have(prefix, name, has)
    yield "\n"


def _have(prefix: str, name: str, has: bool) -> str:
    return f"#define {prefix}{'' if has else 'NO_'}HAVE_{name.upper()}\n"


def report_json(json: JsonWriter, report: Report) -> None:
    """One object with an object for each section."""
    json.begin_object()
    if report.config is not None:
        json.name("system_config")
        json.begin_object()
        for setting in report.settings or ():
            json.field(setting.name, setting.value)
        for name, value in report.config.options:
            json.field(name, value)
        json.end()
    _truths(json, "syscall_config", [("have_bpf_syscall", report.syscall)])
    if report.syscall:
        types = [(f"have_{name}_prog_type", has) for name, has in report.types]
        _truths(json, "program_types", types)
        maps = [(f"have_{name}_map_type", has) for name, has in report.maps]
        _truths(json, "map_types", maps)
        json.name("helpers")
        json.begin_object()
        for row in report.helpers:
            json.name(f"{row.type}_available_helpers")
            json.begin_array()
            for name in row.asked:
                if name in row.available:
                    json.string(name)
            json.end()
        json.end()
        _truths(json, "misc", [(f"have_{name}", has) for name, has in report.misc])
    json.end()


def _truths(json: JsonWriter, name: str, rows: list[tuple[str, bool]]) -> None:
    json.name(name)
    json.begin_object()
    for row, has in rows:
        json.field(row, has)
    json.end()
