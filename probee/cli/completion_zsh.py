"""The completion script for zsh, by its `_arguments`.

In: pages. Out: text.
"""

from __future__ import annotations

from probee.cli.argument_words import fixed_words, single_quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.frame.options import Option
    from probee.frame.page import Page

HEAD = """\
#compdef probee
# zsh completion for probee, made by: probee completion zsh
# Belongs into a directory of $fpath as _probee.

"""
CODE = r"""
_probee_pid() {
    local -a found=(/proc/<1->(N:t))
    compadd "$@" -a found
}

_probee_tid() {
    local -a found=(/proc/<1->/task/<1->(N:t))
    compadd "$@" -a found
}

_probee_comm() {
    local -aU found
    local file name
    for file in /proc/<1->/comm(N); do
        { IFS= read -r name <$file } 2>/dev/null && [[ -n $name ]] && found+=("$name")
    done
    compadd "$@" -a found
}

_probee_uid() {
    local -aU found=(${${(f)"$(getent passwd 2>/dev/null || cat /etc/passwd)"}#*:*:})
    found=(${found%%:*})
    compadd "$@" -a found
}

_probee_user() {
    local -aU found=(${(f)"$(getent passwd 2>/dev/null || cat /etc/passwd)"})
    found=(${found%%:*})
    compadd "$@" -a found
}
"""
# What completes each kind that the running system knows.
COMPLETERS = {
    "file": "_files",
    "folder": "_files -/",
    "pid": "_probee_pid",
    "tid": "_probee_tid",
    "comm": "_probee_comm",
    "uid": "_probee_uid",
    "user": "_probee_user",
    "command": "_normal",
}


def script(pages: Sequence[Page]) -> str:
    """The whole script for these pages."""
    overview, *others = pages
    functions = [line for page in others for line in _function(page)]
    rows = [row for _, words in overview.lists for row in words]
    names = [f"        {single_quoted(_colons(name) + ':' + what)}" for name, what in rows]
    cases = [
        f"        {page.name}) {_verbs(page, others)}{_function_name(page)} ;;"
        for page in others
        if " " not in page.name
    ]
    return HEAD + "\n".join((
        *CODE.strip("\n").splitlines(), "",
        *functions,
        "_probee_names() {",
        "    local -a names=(", *names, "    )",
        "    _describe 'tool or command' names",
        "}", "",
        "_probee() {",
        "    local curcontext=$curcontext state line ret=1",
        "    local -A opt_args",
        "    _arguments -C \\",
        *(f"        {spec} \\" for option in overview.options for spec in _specs(option)),
        "        '1:tool or command:_probee_names' '*::argument:->rest' && ret=0",
        "    [[ $state == rest ]] || return ret",
        "    curcontext=${curcontext%:*:*}:probee-$words[1]:",
        "    case $words[1] in", *cases, "    esac",
        "}", "",
        # autoloaded, it is the body of _probee; sourced, it makes it known
        'if [[ $funcstack[1] == _probee ]]; then _probee "$@"; else compdef _probee probee; fi',
    )) + "\n"  # fmt: skip


def _function_name(page: Page) -> str:
    return f"_probee_{page.name.replace('-', '_').replace(' ', '_')}_options"


def _verbs(page: Page, others: Sequence[Page]) -> str:
    """What goes before the function of a command: those of its verbs that have pages."""
    verbs = [other for other in others if other.name.startswith(f"{page.name} ")]
    return "".join(
        f"[[ ${{${{words[2,CURRENT-1]:#-*}}[1]}} == {verb.name.partition(' ')[2]} ]] && "
        f"{{ {_function_name(verb)}; return }}; "
        for verb in verbs
    )


def _function(page: Page) -> Iterator[str]:
    yield f"{_function_name(page)}() {{"
    yield "    _arguments -s -S \\"
    for option in page.options:
        clashes = [o.name for o in page.options if option.name in o.clashes]
        for spec in _specs(option, clashes):
            yield f"        {spec} \\"
    operands = ""
    if page.operands:
        star = "*::" if page.takes == "command" else "*:"  # as if the command stood alone
        operands = f"{star}{_colons(page.operands)}:{_completer(page.takes, several=False)}"
    yield f"        {single_quoted(operands)}" if operands else "        && return"
    yield from ("}", "")


def _specs(option: Option, clashes: Sequence[str] = ()) -> Iterator[str]:
    """`'(-d --duration)-d+[end after this time]:SECONDS: '`, and the same for the long name."""
    both = [f"-{option.letter}"] if option.letter else []
    both += [f"--{option.name}"]
    if option.many or option.counted:
        start = "*"
    elif option.name in {"help", "version"}:
        start = "(- *)"
    else:
        start = f"({' '.join((*both, *(f'--{name}' for name in (*option.clashes, *clashes))))})"
    what = "[" + "".join(f"\\{c}" if c in "\\[]" else c for c in option.help) + "]"
    argument = ""
    if option.metavar:
        argument = f":{_colons(option.metavar)}:{_completer(option.takes, several=option.several)}"
    for name in both:
        joint = "" if not option.metavar else "=" if name.startswith("--") else "+"
        yield single_quoted(f"{start}{name}{joint}{what}{argument}")


def _completer(takes: str | tuple[str, ...], *, several: bool) -> str:
    words = " ".join(fixed_words(takes))
    if words:
        return f"_sequence compadd - {words}" if several else f"({words})"
    completer = COMPLETERS.get(str(takes), " ")
    return f"_sequence {completer}" if several and completer != " " else completer


def _colons(text: str) -> str:
    return text.replace(":", "\\:")
