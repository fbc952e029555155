#!/usr/bin/env bash
# Install into a virtual environment and run the tests, on a CPU.
#
#   bash tools/run_tests.sh [OPTIONS OF pytest]      e.g. -m "not slow"
set -euo pipefail
cd "$(dirname "$0")/.."
bash tools/make_env.sh tests
# One thread a process: two test processes on two cores, not four threads.
OMP_NUM_THREADS=1 "${CHTN_VENV:-.venv}/bin/python" -m pytest -n 2 --dist worksteal "$@"
