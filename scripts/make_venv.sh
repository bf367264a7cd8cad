#!/bin/bash
# In: a folder; PYTHON (optional), NO_INSTALL (optional).
# Out: a virtual environment there with probee (editable) and the packages of its `dev` extra.
set -euo pipefail
venv=$1

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The system's own interpreter first: what stands earlier on PATH may be a slow wrapper.
choose() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || { echo "PYTHON=$PYTHON is not a Python >= 3.11" >&2; return 1; }
        echo "$PYTHON"
        return
    fi
    local name
    for name in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        if new_enough "$name"; then echo "$name"; return; fi
    done
    echo "no Python >= 3.11 found: install one, or say PYTHON=/path/to/python3" >&2
    return 1
}

python=$(choose)

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    # Debian and Ubuntu keep these in a package of their own.
    if [ -z "${NO_INSTALL:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        version=$("$python" -c 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")')
        echo "installing python3-venv (this interpreter has no ensurepip)"
        DEBIAN_FRONTEND=noninteractive apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
            "python$version-venv" ||
            DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends python3-venv
    else
        echo "$python has no ensurepip: as root, 'apt-get install python3-venv', or say" \
            "PYTHON=/path/to/another/python3" >&2
        exit 1
    fi
fi

echo "making $venv with $("$python" -V) ($python)"
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
