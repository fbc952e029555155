#!/usr/bin/env bash
# Make a virtual environment with the exact tested packages, once.
#
#   bash tools/make_env.sh [EXTRAS]      e.g. tests
#
# CHTN_VENV names the folder (default: .venv); PYTHON the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${CHTN_VENV:-.venv}
extras=${1:-}
constraints=requirements/constraints.txt

# Done before, from the same files, and for the same extras?
stamp=$(cat setup.cfg "$constraints" | cksum)" $extras"
if [ "$(cat "$venv/.chtn_env" 2>/dev/null)" = "$stamp" ]; then exit 0; fi

[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
echo "Installing into $venv (about 1.6 GB, some minutes)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -c "$constraints" -e ".${extras:+[$extras]}"
"$venv/bin/python" -m pip check
echo "$stamp" > "$venv/.chtn_env"
