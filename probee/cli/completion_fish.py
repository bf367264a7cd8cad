"""The completion script for fish.

In: pages. Out: text: a `complete` command for each word.
"""

from __future__ import annotations

from probee.cli.argument_words import fixed_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.frame.options import Option
    from probee.frame.page import Page

CODE = r"""# fish completion for probee, made by: probee completion fish
# Belongs into /usr/share/fish/vendor_completions.d/probee.fish.

# Whether $argv are the first words of this command line; '' where there is none yet.
function __probee_is
    set -l words (commandline -opc)
    set -e words[1]
    set -l names (string match -v -- '-*' $words)
    for at in (seq (count $argv))
        test "$names[$at]" = "$argv[$at]"
        or return
    end
end

# Whether the words are a command to be run.
function __probee_runs
    __probee_is $argv[1]; and contains -- -- (commandline -opc)
end

# What the command $argv prints, behind those of several values that are complete.
function __probee_several
    set -l word (commandline -ct | string replace -r -- '^(--[^=]*=|-[^-])' '')
    set -l before (string replace -r -- '[^,]*$' '' $word)
    for line in ($argv)
        echo -- $before$line
    end
end

function __probee_pid
    __fish_complete_pids
end

function __probee_tid
    for path in /proc/*/task/*
        string match -r -- '[0-9]+$' $path
    end
end

function __probee_comm
    cat /proc/*/comm 2>/dev/null | sort -u
end

function __probee_uid
    getent passwd | string replace -r -- '^([^:]*):[^:]*:([0-9]+):.*' '$2\t$1'
end

function __probee_user
    __fish_complete_users
end

function __probee_words
    string split -- ' ' $argv[1]
end

# The words behind -- as a command line of their own.
function __probee_command
    set -l words (commandline -opc)
    set -l from (math (contains -i -- -- $words) + 1)
    complete -C (string join -- ' ' (string escape -- $words[$from..-1]) (commandline -ct))
end

complete -c probee -f
"""


def script(pages: Sequence[Page]) -> str:
    """The whole script for these pages."""
    overview, *others = pages
    flags = {option.letter for page in pages for option in page.options if not option.metavar}
    lines = list(_lines(overview, flags, ()))
    for _, words in overview.lists:
        for name, what in words:
            lines.append(f"complete -c probee -n \"__probee_is ''\" -a {name} -d {_quoted(what)}")
    for page in others:
        lines += ["", *_lines(page, flags, others)]
    return CODE + "\n".join(lines) + "\n"


def _lines(page: Page, flags: set[str], others: Sequence[Page]) -> Iterator[str]:
    """`flags`: letters that are flags on some page. Where fish takes bundled letters apart it looks
    at those of all pages: one that is a flag on another must not take an argument, unless there is
    something to complete it with.
    """
    name = page.name or "''"
    verbs = [other.name for other in others if other.name.startswith(f"{name} ")]
    unless = "".join(f"; and not __probee_is {verb}" for verb in verbs)
    start = f'complete -c probee -n "__probee_is {name}{unless}"'
    for option in page.options:
        letter = f" -s {option.letter}" if option.letter else ""
        if option.letter and option.metavar and not option.takes and option.letter in flags:
            yield f"{start}{letter} -d {_quoted(option.help)}"
            letter = ""
        yield f"{start}{letter} -l {option.name}{_argument(option)} -d {_quoted(option.help)}"
    if page.name and page.takes == "command":
        yield f"complete -c probee -n '__probee_runs {name}' -x -a '(__probee_command)'"
    elif page.name and page.takes:
        yield f"{start} -a {_quoted(' '.join(fixed_words(page.takes)))}"


def _argument(option: Option) -> str:
    if not option.metavar:
        return ""
    words = fixed_words(option.takes)
    if option.takes == "file":
        return " -r -F"
    if option.takes == "folder":
        return " -x -a '(__fish_complete_directories)'"
    if not option.takes:
        return " -x"
    source = f'__probee_words "{" ".join(words)}"' if words else f"__probee_{option.takes}"
    return f" -x -a {_quoted(f'(__probee_several {source})' if option.several else f'({source})')}"


def _quoted(text: str) -> str:
    """One word of fish, where a backslash means something between single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
