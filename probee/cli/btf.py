"""`probee btf`: types of a file or of the kernel, in bpftool's grammar and form."""

from __future__ import annotations

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.errors import ProbeeError, UsageError
from probee.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.cli.grammar import Call

VERBS = (
    Verb("show", "[id ID]", "what is loaded: name, size, programs and maps with it, who holds it",
         "probee.cli.btf:show"),
    Verb("list", "[id ID]", "the same", "probee.cli.btf:show"),
    Verb("help", "", "this text"),
    Verb("dump", "SOURCE [FORM]", "records, or a C header",
         "probee.cli.btf:dump"),
)  # fmt: skip
PAGE = grammar.page(
    "btf",
    "Show loaded BTF, and print types, in bpftool's form.",
    "SOURCE is file PATH, an object or bare BTF such as /sys/kernel/btf/vmlinux; id ID, what "
    "the kernel has loaded; prog PROG or map MAP, what came with either: of a map its key and "
    "value, unless key, value or all stands behind it. FORM is format raw, a record for each type, "
    "or format c, a header that programs for the kernel include; its types are sorted, so that "
    "headers of two kernels can be compared, and unsorted leaves them as they come.",
    VERBS,
    (
        ("btf", "all loaded BTF"),
        ("btf dump file /sys/kernel/btf/vmlinux format c", "vmlinux.h"),
        ("btf dump file opensnoop.bpf.o", "what an object says"),
        ("-j btf dump id 1", "vmlinux's, as JSON"),
    ),
    keywords=("file", "id", "prog", "map", "format", "raw", "c", "unsorted"),
)  # fmt: skip
_SOURCES = ("map", "prog", "id", "file")  # in bpftool's order: `m` is a map
_PARTS = ("key", "value", "all", "kv")


class _Request(Frozen):
    """`path` or `id` is what is asked for. `roots`: only these types and what they need."""

    path: str
    id: int
    roots: tuple[int, ...] | None
    format: str
    sort: bool


def run(words: Sequence[str]) -> int:
    """The exit status."""
    return grammar.run(PAGE, VERBS, words)


def show(call: Call) -> None:
    """`show` and `list`."""
    from probee.cli.listing import show_all
    from probee.introspect.bpftool.btf_forms import Forms
    from probee.introspect.bpftool.shared import Multi
    from probee.introspect.loaded.btfs import Btfs, users

    forms = Forms(Multi(users("PROG")), Multi(users("MAP")))
    reader = Btfs()
    show_all(call, "BTF", reader, forms.text, forms.json)
    if reader.partial:
        call.warn("without CAP_SYS_ADMIN: only BTF of programs and maps, and of what those hang on")


def dump(call: Call) -> None:
    """`dump`."""
    grammar.needs("dump", 2, call.words)
    request = _request(call.words)
    if request.format == "c" and call.json is not None:
        raise UsageError("JSON output for C-syntax dump is not supported")
    try:
        for piece in _pieces(request, call):
            call.write(piece)
    except OSError as error:
        raise ProbeeError(f"failed to load BTF from {request.path}: {error.strerror}") from None


def _request(words: Sequence[str]) -> _Request:
    rest = list(words)
    given = rest.pop(0)
    source = next((word for word in _SOURCES if word.startswith(given)), "")
    path, id, roots = "", 0, None
    if not source:
        raise UsageError(f"unrecognized BTF source specifier: '{given}'")
    if source == "file":
        path = rest.pop(0)
    elif source == "id":
        id = _id(rest.pop(0))
    else:
        grammar.needs(source, 2, rest)
        id, types, rest = _of_loaded(source, rest)
        if source == "map":
            part = next(
                (word for word in _PARTS if rest and rest[0] and word.startswith(rest[0])), ""
            )
            del rest[: bool(part)]
            roots = {"key": types[:1], "value": types[1:], "all": None}.get(part, types)
    return _Request(path, id, roots, *_form(rest))


def _id(word: str) -> int:
    from probee.introspect.loaded.numbers import strtoul

    number, rest = strtoul(word, 0)
    if rest:
        raise UsageError(f"can't parse {word} as ID")
    return number & 0xFFFF_FFFF


def _of_loaded(source: str, words: Sequence[str]) -> tuple[int, tuple[int, ...], list[str]]:
    """The id of what came with a program or a map, the types of key and value, words left."""
    from os import close

    from probee.host.info import MAP, PROGRAM, read
    from probee.introspect.loaded.select import one

    descriptor, rest = one(source.upper(), words)
    try:
        info = read(descriptor, MAP if source == "map" else PROGRAM)[0]
    finally:
        close(descriptor)
    if not info["btf_id"]:
        raise ProbeeError(f"this {source} came without BTF")
    return info["btf_id"], (info.get("btf_key_type_id", 0), info.get("btf_value_type_id", 0)), rest


def _form(rest: list[str]) -> tuple[str, bool]:
    """The format, and whether types are sorted."""
    format_, sort = "raw", True
    while rest:
        word = rest.pop(0)
        if "format".startswith(word):
            if not rest:
                raise UsageError("expecting value for 'format' option")
            format_ = rest.pop(0)
            if format_ not in {"raw", "c"}:
                raise UsageError(
                    f"unrecognized format specifier: '{format_}', possible values: raw, c"
                )
        elif "unsorted".startswith(word):
            sort = False
        else:
            raise UsageError(f"unrecognized option: '{word}'")
    return format_, sort


def _pieces(request: _Request, call: Call) -> Iterator[str]:
    from probee.introspect.btf import read_file, read_loaded

    base = call.base
    types = read_file(request.path, base) if request.path else read_loaded(request.id, base)
    roots = request.roots
    if request.format == "c":
        from probee.introspect.btf_c import c_header

        return c_header(types.flat, pointer=types.pointer, roots=roots, sort=request.sort)
    from probee.introspect.btf_raw import raw_json, raw_text

    if call.json is not None:
        return raw_json(types.flat, pretty=call.values.pretty, roots=roots)
    return raw_text(types.flat, roots=roots)
