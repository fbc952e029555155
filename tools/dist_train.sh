#!/usr/bin/env bash
# Train on several GPUs, or on several processes of a CPU:
#   tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
# Several machines: run it on each, with NNODES, NODE_RANK (0, 1, ...),
# MASTER_ADDR (of machine 0) and PORT set.
set -euo pipefail
source "$(dirname "$0")/_launch.sh"
needs 2 "$@"
dist_run "$2" train.py "$1" "${@:3}"
