#!/usr/bin/env bash
# Install into a virtual environment, train the glyph demo, score it on its
# test split and draw what some queries find.
#
#   bash tools/run_demo.sh [OPTIONS OF tools/train.py]
set -euo pipefail
cd "$(dirname "$0")/.."
bash tools/make_env.sh
python=${CHTN_VENV:-.venv}/bin/python
"$python" tools/train.py configs/chtn_demo.py --resume "$@"
"$python" tools/test.py configs/chtn_demo.py work_dirs/chtn_demo
