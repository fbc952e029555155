#!/usr/bin/env bash
# Test under Slurm:
#   tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [options]
# Options are those of tools/test.py. GPUS (8), GPUS_PER_NODE (8),
# CPUS_PER_TASK (5) and SRUN_ARGS may be set.
set -euo pipefail
source "$(dirname "$0")/_launch.sh"
needs 4 "$@"
slurm_run "$1" "$2" test.py "${@:3}"
