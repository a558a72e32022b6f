#!/bin/sh
# Makes .venv from the hashed lock; called by `make setup`. Safe to interrupt and to repeat.
set -eu
cd "$(dirname "$0")/../.."
venv=.venv

step() { printf '\n== %s\n' "$1"; }
fail() { printf '\nsetup: %s\n' "$1" >&2; exit 1; }

if deploy/local/lock-stamp.sh | cmp -s - "$venv/forecourt.lock"; then
    touch "$venv/forecourt.lock"
    exit
fi

step 'checking the machine'
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "needs Python 3.11 or newer as $PYTHON. Install it, or name another one: make setup PYTHON=python3.12"
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "this Python has no venv module. On Debian and Ubuntu: apt-get install python3-venv"
case "$(uname -s)-$(uname -m)" in
    Linux-x86_64 | Linux-aarch64) ;;
    *) fail "the local servers come as wheels for Linux on x86_64 and arm64, not for $(uname -s) $(uname -m)" ;;
esac
for library in libcurl.so.4 libssl.so.3; do
    "$PYTHON" -c "import ctypes; ctypes.CDLL('$library')" 2>/dev/null ||
        fail "MongoDB needs $library. On Debian and Ubuntu: apt-get install libcurl4 libssl3"
done

step 'making .venv'
rm -f "$venv/forecourt.lock"
[ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$PYTHON" -m venv --clear "$venv"

step 'installing uv, checked against its hash'
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt

step 'installing the locked dependencies'
VIRTUAL_ENV="$PWD/$venv" "$venv/bin/uv" pip sync --require-hashes requirements/all.txt requirements/bootstrap.txt

step 'installing the project itself, editable'
VIRTUAL_ENV="$PWD/$venv" "$venv/bin/uv" pip install --quiet --no-build-isolation --no-deps -e .

deploy/local/lock-stamp.sh >"$venv/forecourt.lock"
step 'ready: ./forecourt up'
