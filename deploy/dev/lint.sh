#!/bin/sh
# All checks, also after one has failed, so that one run tells everything. Called by `make lint`.
set -u
cd "$(dirname "$0")/../.." || exit
failed=""

check() {
    name=$1
    shift
    echo "--- $name"
    "$@" || failed="$failed $name,"
}

in_venv() {
    tool=$1
    shift
    ".venv/bin/$tool" "$@"
}

check "formatting" in_venv ruff format --check --quiet .
check "style" in_venv ruff check --quiet .
check "types" in_venv mypy --no-error-summary
check "imports" in_venv lint-imports --no-cache --no-logo
check "documents" in_venv python -m services documents --check
check "locks" in_venv python deploy/dev/locks.py check
check "shell" find .ci/run deploy tests -type f \( -name '*.sh' -o -path .ci/run \) -exec .venv/bin/shellcheck {} +

if [ -n "$failed" ]; then
    echo "make lint: not well:${failed%,}" >&2
    exit 1
fi
echo "make lint: ok"
