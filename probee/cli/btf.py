"""`probee btf`: types of a file or of the kernel, in bpftool's grammar and form."""

from __future__ import annotations

from probee.cli import grammar
from probee.cli.grammar import Verb
from probee.errors import ProbeeError, UsageError
from probee.frame.options import Option, file_name, whole
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
    "SOURCE is file PATH, an object or bare BTF such as /sys/kernel/btf/vmlinux, or id ID, what "
    "the kernel has loaded. FORM is format raw, a record for each type, or format c, a header that "
    "programs for the kernel include; its types are sorted, so that headers of two kernels can be "
    "compared, and unsorted leaves them as they come.",
    VERBS,
    (
        ("btf", "all loaded BTF"),
        ("btf dump file /sys/kernel/btf/vmlinux format c", "vmlinux.h"),
        ("btf dump file opensnoop.bpf.o", "what an object says"),
        ("-j btf dump id 1", "vmlinux's, as JSON"),
    ),
    (
        Option("base-btf", "B", "FILE", "the types that those of SOURCE stand on", file_name,
               takes="file"),
    ),
    keywords=("file", "id", "format", "raw", "c", "unsorted"),
)  # fmt: skip
_SOURCES = ("map", "prog", "id", "file")  # in bpftool's order: `m` is a map


class _Request(Frozen):
    """`source` is "file" or "id", `what` the path or the number."""

    source: str
    what: str
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
    show_all(call, "BTF", Btfs(), forms.text, forms.json)


def dump(call: Call) -> None:
    """`dump`."""
    request = _request(call.words)
    if request.format == "c" and call.json is not None:
        raise UsageError("a C header cannot be JSON")
    try:
        for piece in _pieces(request, call):
            call.write(piece)
    except OSError as error:
        raise ProbeeError(f"{error.filename}: {error.strerror}") from None


def _request(words: Sequence[str]) -> _Request:
    rest = list(words)
    given = rest.pop(0) if rest else ""
    source = next((word for word in _SOURCES if given and word.startswith(given)), "")
    if source in {"map", "prog"}:
        raise UsageError(f"dump {source} is not built yet; id takes the btf_id of a {source}")
    if not source or not rest:
        raise UsageError("a source is wanted: file PATH or id ID")
    what = rest.pop(0)
    if source == "id":
        whole(what, 0, 0xFFFFFFFF, "an id")
    format_, sort = "raw", True
    while rest:
        word = rest.pop(0)
        if word and "format".startswith(word):
            format_ = rest.pop(0) if rest else ""
            if format_ not in {"raw", "c"}:
                raise UsageError(f"a format is raw or c, not {format_!r}")
        elif word and "unsorted".startswith(word):
            sort = False
        else:
            raise UsageError(f"{word!r} is not understood here: format FORMAT, or unsorted")
    return _Request(source, what, format_, sort)


def _pieces(request: _Request, call: Call) -> Iterator[str]:
    from probee.introspect.btf import read_file, read_loaded

    base = call.values.base_btf
    if request.source == "file":
        types = read_file(request.what, base)
    else:
        types = read_loaded(int(request.what), base)
    if request.format == "c":
        from probee.introspect.btf_c import c_header

        return c_header(types.flat, pointer=types.pointer, sort=request.sort)
    from probee.introspect.btf_raw import raw_json, raw_text

    if call.json is not None:
        return raw_json(types.flat, pretty=call.values.pretty)
    return raw_text(types.flat)
