#!/bin/sh
# Make .venv from the lock file, or see that it is made already: `environment.sh run` for what the product needs,
# `environment.sh dev` for the tools and tests as well. Quick and silent when there is nothing to do.
set -eu
cd "$(dirname "$0")/../.."

# A user's own settings that would send packages elsewhere, or let others' modules in.
unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX
export PIP_USER=0

fail() {
    echo "samklang: $*" >&2
    exit 1
}

# Two runs at the same time take turns, where the system has flock. The lock is on a file that is there anyway.
if command -v flock >/dev/null; then
    exec 9<requirements.lock
    flock 9
fi

# The stamp is written last, so an interrupted installation has none. Scripts in an environment name its folder:
# a moved one is made again.
stamp=.venv/samklang.stamp
run_stamp=$(echo "$PWD" && cksum requirements.lock)
case "${1:-}" in
    run) lock=requirements.lock wanted=$run_stamp ;;
    dev) lock=requirements-dev.lock wanted=$(echo "$run_stamp" && cksum requirements-dev.lock) ;;
    *) fail "usage: environment.sh run|dev" ;;
esac
present=$(cat "$stamp" 2>/dev/null || true)
# A Python that was upgraded or removed leaves an environment without one.
.venv/bin/python -c "" 2>/dev/null || present=
case "$present" in
    "$wanted") exit 0 ;;
    "$wanted
"*) exit 0 ;; # the tools and tests are there too
esac

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    python=$(find_python) || fail "Python 3.11 or newer is needed, and is neither ${PYTHON:-python3 nor python3.11 to python3.13}. Install one, or name it: make PYTHON=/path/to/python3"
    rm -rf .venv 2>/dev/null || fail "cannot remove $PWD/.venv, which is not up to date (does another user own it?). Remove it and try again"
    if command -v uv >/dev/null && uv venv --quiet --python "$python" .venv; then
        return
    fi
    # Debian keeps these two in a package of their own.
    "$python" -c "import ensurepip, venv" 2>/dev/null || fail "$python cannot make environments. On Debian and Ubuntu: apt install $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'). Or install uv"
    rm -rf .venv
    "$python" -m venv .venv
}

install() {
    if command -v uv >/dev/null; then
        uv pip install --quiet --python .venv/bin/python --require-hashes --only-binary :all: -r "$lock" && return
        # pip may know a mirror that uv was not told of.
        echo "samklang: uv could not install; trying pip ..." >&2
    fi
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null ||
        fail "uv could not install the packages and Python here has no pip. Is the network there?"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
        --require-hashes --only-binary :all: -r "$lock" || fail "the packages could not be installed (see above). Try again when the network is there"
}

if [ "$present" = "$run_stamp" ]; then
    echo "samklang: adding tools and tests to .venv ..." >&2
    rm -f "$stamp"
else
    echo "samklang: making .venv from $lock ..." >&2
    make_venv
fi
install
# The command, from this folder's sources: installing the project itself would need a build.
cat >.venv/bin/samklang <<EOF
#!$PWD/.venv/bin/python
import sys

sys.path.insert(0, "$PWD")
from services.__main__ import main

main()
EOF
chmod +x .venv/bin/samklang
printf '%s\n' "$wanted" >"$stamp"
