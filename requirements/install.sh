#!/bin/sh
# Makes .venv with the locked versions of the engine. Installs what the system lacks where it may; asks nothing.
set -eu
cd "$(dirname "$0")/.."
venv=.venv
stamp=$venv/.installed-$(cat requirements/cpu.txt requirements/dev.txt pyproject.toml requirements/install.sh | cksum | cut -d' ' -f1)
[ -f "$stamp" ] && exit 0

python=
for candidate in python3.12 python3.13 python3.11 python3; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c \
        'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Python 3.11, 3.12 or 3.13 is needed; TensorFlow has no build for others. Install one of them and try again." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        echo "One system package is missing. Please run:  sudo apt-get install -y $package   and try again." >&2
        exit 1
    fi
    echo "Installing the system package $package ..."
    $as_root apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q "$package" >/dev/null
fi
echo "Installing the engine into $venv (about 600 MB to download, 2 GB on disk; a few minutes) ..."
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    -r requirements/cpu.txt -r requirements/dev.txt
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
touch "$stamp"
