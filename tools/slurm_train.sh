#!/usr/bin/env bash
# Train under Slurm:
#   tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of tools/train.py]
# GPUS (8), GPUS_PER_NODE (8), CPUS_PER_TASK (5) and SRUN_ARGS may be set. A
# requeued job goes on where it was with --resume among the options.
set -euo pipefail
source "$(dirname "$0")/_launch.sh"
needs 3 "$@"
slurm_run "$1" "$2" train.py "${@:3}"
