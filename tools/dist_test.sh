#!/usr/bin/env bash
# Test on several GPUs, or on several processes of a CPU:
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]
# Several machines: run it on each, with NNODES, NODE_RANK (0, 1, ...),
# MASTER_ADDR (of machine 0) and PORT set.
set -euo pipefail
source "$(dirname "$0")/_launch.sh"
needs 3 "$@"
dist_run "$3" test.py "$1" "$2" "${@:4}"
