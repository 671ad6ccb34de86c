#!/bin/sh
# Sets a fresh Debian or Raspberry Pi OS machine up for `make demo` and `make test`: a virtual environment in
# .venv, and Mosquitto. What it may not install it names, with the command that would.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }

# apt_install PACKAGE...: as root or by sudo without a password; otherwise fails and says what to type.
apt_install() {
    if [ "$(id -u)" = 0 ]; then as_root=""
    elif sudo -n true 2>/dev/null; then as_root="sudo -n"
    else
        say "not root and no sudo without a password: please run  sudo apt-get install $*"
        return 1
    fi
    say "installing $*"
    # shellcheck disable=SC2086  # as_root is a command and its option, or nothing
    { $as_root apt-get update -q && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qy "$@"; } >&2
}

# With names of packages: these alone, for a target that takes more than the others.
if [ $# -gt 0 ]; then
    apt_install "$@"
    exit
fi

find_python() {
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say "no Python 3.11, 3.12 or 3.13 here: please run  sudo apt-get install python3  or set PYTHON to one"
    return 1
}

python=$(find_python)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ "$(uname -m)" != armv7l ] || say "a 32-bit system: onnxruntime has no wheel for it, use the 64-bit image"

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    apt_install "python$version-venv" || apt_install python3-venv
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
# An environment from before may be another Python's than the one that is found first now.
version=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')

# What has no wheel is built by the setuptools that the lock names: in isolation pip would fetch another.
pip_install() { .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation "$@"; }
by_hash() { pip_install --require-hashes -r "$1"; }

# The locks hold the versions that were tested, with the hashes of their wheels, and everything that these need.
say "installing Python packages by hash (deploy/tested-python$version.txt); the first time some hundred megabytes"
by_hash "deploy/tested-python$version.txt"
by_hash "deploy/tested-source-python$version.txt"
.venv/bin/python -c 'from cobs import cobs; raise SystemExit(not cobs._using_extension)' \
    || say "no C compiler or Python headers here: cobs decodes frames in Python, some hundred times slower"
# PyTorch for the CPU is enough; where no index that pip knows has that build, PyPI's, which needs CUDA's libraries.
if ! { [ -f "deploy/tested-torch-cpu-python$version.txt" ] && by_hash "deploy/tested-torch-cpu-python$version.txt" 2>/dev/null; }; then
    say "no index here has the tested build of PyTorch for the CPU: installing PyPI's with CUDA, some gigabytes"
    by_hash "deploy/tested-torch-python$version.txt"
    by_hash "deploy/tested-cuda-python$version.txt"
fi
pip_install -e .

if ! command -v mosquitto >/dev/null 2>&1 && [ ! -x /usr/sbin/mosquitto ]; then
    apt_install mosquitto || say "without Mosquitto the demo uses an embedded broker, and tests that need it are skipped by name"
fi
touch .venv/ready
