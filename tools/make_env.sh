#!/usr/bin/env bash
# Make a virtual environment with the exact tested packages, once.
#
#   bash tools/make_env.sh [EXTRAS]      e.g. tests
#
# CHTN_VENV names the folder (default: .venv); PYTHON the interpreter, 3.10 to
# 3.13; CHTN_FAMILY=onedl takes the forks onedl-mmengine and onedl-mmpretrain in
# the place of mmengine and mmpretrain.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${CHTN_VENV:-.venv}
extras=${1:-}
family=${CHTN_FAMILY:-openmmlab}
constraints=requirements/constraints.txt
case $family in openmmlab|onedl) ;; *)
    echo "CHTN_FAMILY must be openmmlab or onedl, got $family" >&2; exit 2;;
esac

# Done before, from the same files, and for the same extras?
stamp=$(cat setup.cfg "$constraints" tools/make_env.sh | cksum)" $family $extras"
if [ "$(cat "$venv/.chtn_env" 2>/dev/null)" = "$stamp" ]; then exit 0; fi

[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
echo "Installing into $venv (about 1.6 GB, some minutes)"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
# The forks have the folders of what is installed next: never one over the other.
pip uninstall --quiet --yes onedl-mmengine onedl-mmpretrain 2>/dev/null
pip install --quiet -c "$constraints" -e ".${extras:+[$extras]}"
pip check
if [ "$family" = onedl ]; then
    # From here on pip misses mmengine and mmpretrain, rightly.
    pip uninstall --quiet --yes mmengine mmpretrain
    pip install --quiet --no-deps onedl-mmengine==0.10.12 \
        onedl-mmpretrain==1.3.6
fi
echo "$stamp" > "$venv/.chtn_env"
