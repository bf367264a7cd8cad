"""The completion script for bash.

In: pages. Out: text. It needs neither bash-completion nor a program, and gives nothing that came
from outside (names of processes, of users) to the shell but quoted.
"""

from __future__ import annotations

from probee.cli.argument_words import fixed_words, single_quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from probee.frame.options import Option
    from probee.frame.page import Page

HEAD = """\
# bash completion for probee, made by: probee completion bash
# Belongs into /usr/share/bash-completion/completions/probee.

"""

# `words`: what stands between blanks, which readline also parts at = and :. `piece`: what it
# will replace, the end of the last word. `before`: what of that word is complete.
CODE = r"""
# Adds those of the arguments that begin with what was typed.
_probee_add() {
    local word quoted
    for word in "$@"; do
        printf -v quoted %q "$word"
        if [[ $word == "$typed"* || $quoted == "$typed"* ]]; then
            quoted=$before$quoted
            COMPREPLY+=("${quoted:${#current}-${#piece}}")
        fi
    done
}

# Adds values for an argument of the kind $1; a kind that ends in a comma has several of them.
_probee_values() {
    local kind=${1%,} name id path
    local -A seen=()
    if [[ $1 == *, && $typed == *,* ]]; then
        before=$before${typed%,*},
        typed=${typed##*,}
    fi
    case $kind in
        file) [[ $before != -[!-]* ]] && compopt -o default ;;
        folder) [[ $before != -[!-]* ]] && compopt -o dirnames ;;
        pid) for path in /proc/[0-9]*; do seen[${path##*/}]=1; done ;;
        tid) for path in /proc/[0-9]*/task/[0-9]*; do seen[${path##*/}]=1; done ;;
        comm)
            for path in /proc/[0-9]*/comm; do
                { IFS= read -r name <"$path"; } 2>/dev/null && [[ $name ]] && seen[$name]=1
            done ;;
        uid|user)
            while IFS=: read -r name _ id _; do
                [[ $kind == uid ]] && name=$id
                [[ $name ]] && seen[$name]=1
            done < <(getent passwd 2>/dev/null || cat /etc/passwd) ;;
        command)
            compopt -o default
            [[ $typed ]] && mapfile -t COMPREPLY < <(compgen -c -- "$typed") ;;
        words:*) _probee_add ${kind#words:} ;;
    esac
    ((${#seen[@]})) && _probee_add "${!seen[@]}"
}

# What the bundle of letters $1 waits for: sets `want` to the kind of argument that comes next, and
# `before` to the part in front of an argument that has begun, if there is one.
_probee_letters() {
    local at kind
    for ((at = 1; at < ${#1}; at++)); do
        kind=${_probee_takes["$page -${1:at:1}"]-}
        if [[ $kind ]]; then
            want=$kind
            ((at + 1 < ${#1})) && before=${1:0:at+1}
            return
        fi
    done
}

_probee() {
    local -a words=()
    local rest=${COMP_LINE:0:COMP_POINT} piece='' word='' page=. verb='' want='' before='' i
    local dashes=''
    COMPREPLY=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        piece=${COMP_WORDS[i]}
        if [[ $i == 0 || $rest == [[:blank:]]* ]]; then
            rest=${rest#"${rest%%[![:blank:]]*}"}
            words+=('')
        fi
        [[ $i == "$COMP_CWORD" ]] && piece=$rest
        words[-1]+=$piece
        rest=${rest#"$piece"}
    done
    [[ $piece == [=:]* ]] && piece=${piece##*[=:]}
    local current=${words[-1]} typed=${words[-1]}
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        word=${words[i]}
        before=''
        if [[ $want ]]; then
            want=''
        elif [[ $dashes ]]; then
            :
        elif [[ $page == . && $word != -* ]]; then
            page=$word
        elif [[ ! $verb && $word != -* ]]; then
            verb=$word
            [[ ${_probee_options["$page $verb"]-} ]] && page="$page $verb"
        else
            case $word in
                --) dashes=1 ;;
                --*=*) ;;
                --*) want=${_probee_takes["$page $word"]-} ;;
                -?*)
                    _probee_letters "$word"
                    [[ $before ]] && want='' ;;
            esac
        fi
    done
    before=''
    if [[ $want ]]; then
        _probee_values "$want"
    elif [[ ! $dashes && $typed == --*=* ]]; then
        want=${_probee_takes["$page ${typed%%=*}"]-}
        before=${typed%%=*}=
        typed=${typed#*=}
        [[ $want ]] && _probee_values "$want"
    elif [[ ! $dashes && $typed == --* || $typed == - ]]; then
        _probee_add ${_probee_options["$page"]-}
        [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
    elif [[ ! $dashes && $typed == -* ]]; then
        _probee_letters "$typed"
        typed=${typed#"$before"}
        [[ $before ]] && _probee_values "$want"
    elif [[ ${_probee_operands["$page"]-} ]]; then
        _probee_values "${_probee_operands["$page"]}"
    fi
    return 0
}

complete -F _probee probee
"""


def script(pages: Sequence[Page]) -> str:
    """The whole script for these pages."""
    takes = [line for page in pages for line in _takes(page)]
    options = [f"    [{_key(page)}]={_options(page)}" for page in pages]
    operands = [
        f"    [{_key(page)}]={single_quoted(_kind(page.takes))}" for page in pages if page.takes
    ]
    return HEAD + "\n".join(
        (
            "declare -gA _probee_takes=(", *takes, ")",
            "declare -gA _probee_options=(", *options, ")",
            "declare -gA _probee_operands=(", *operands, ")",
        )
    ) + "\n" + CODE  # fmt: skip


def _takes(page: Page) -> Iterator[str]:
    """Which options of the page take an argument, and of what kind: `-` where nobody can know."""
    for option in page.options:
        if not option.metavar:
            continue
        kind = single_quoted((_kind(option.takes) or "-") + ("," if option.several else ""))
        yield f"    [{_key(page, f' --{option.name}')}]={kind}"
        if option.letter:
            yield f"    [{_key(page, f' -{option.letter}')}]={kind}"


def _key(page: Page, option: str = "") -> str:
    """A key of bash's tables, which cannot be empty: probee itself is the dot."""
    return single_quoted((page.name or ".") + option)


def _kind(takes: str | tuple[str, ...]) -> str:
    words = fixed_words(takes)
    return f"words:{' '.join(words)}" if words else str(takes)


def _options(page: Page) -> str:
    return single_quoted(" ".join(map(_long, page.options)))


def _long(option: Option) -> str:
    return f"--{option.name}{'=' if option.metavar else ''}"
