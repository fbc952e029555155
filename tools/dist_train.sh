#!/usr/bin/env bash
# Train on several GPUs, or on several processes of a CPU:
#   tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
# Several machines: run it on each, with NNODES, NODE_RANK (0, 1, ...),
# MASTER_ADDR (of machine 0) and PORT set.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
CONFIG=$1
GPUS=$2
here=$(cd "$(dirname "$0")" && pwd)
# One thread a process, unless told otherwise: ranks would fight for cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
if [ -n "${NNODES:-}" ] || [ -n "${PORT:-}" ]; then
    meet=(--nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}"
          --master_addr="${MASTER_ADDR:-127.0.0.1}"
          --master_port="${PORT:-29500}")
else
    # Any free port, so that two runs on one machine do not meet.
    meet=(--standalone)
fi
PYTHONPATH="$(dirname "$here")${PYTHONPATH:+:$PYTHONPATH}" \
    exec "${PYTHON:-python}" -m torch.distributed.run "${meet[@]}" \
    --nproc_per_node="$GPUS" "$here/train.py" "$CONFIG" \
    --launcher pytorch "${@:3}"
