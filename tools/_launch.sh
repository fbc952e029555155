# Sourced by dist_*.sh and slurm_*.sh: starting a tool in many processes.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PYTHONPATH="$(dirname "$here")${PYTHONPATH:+:$PYTHONPATH}"
# One thread a process, unless told otherwise: ranks would fight for cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

# needs COUNT "$@": that many arguments, or the script's own first comment.
needs() {
    if [ $(($# - 1)) -lt "$1" ]; then
        sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
        exit 2
    fi
}

# dist_run GPUS TOOL [arguments]
dist_run() {
    local meet=(--standalone)  # any free port: two runs do not meet
    if [ -n "${NNODES:-}" ] || [ -n "${PORT:-}" ]; then
        meet=(--nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}"
              --master_addr="${MASTER_ADDR:-127.0.0.1}"
              --master_port="${PORT:-29500}")
    fi
    exec "${PYTHON:-python}" -m torch.distributed.run "${meet[@]}" \
        --nproc_per_node="$1" "$here/$2" "${@:3}" --launcher pytorch
}

# slurm_run PARTITION JOB_NAME TOOL [arguments]
slurm_run() {
    local gpus=${GPUS:-8} each=${GPUS_PER_NODE:-8}
    if [ "$gpus" -lt "$each" ]; then each=$gpus; fi
    exec srun -p "$1" --job-name="$2" --gres=gpu:"$each" --ntasks="$gpus" \
        --ntasks-per-node="$each" --cpus-per-task="${CPUS_PER_TASK:-5}" \
        --kill-on-bad-exit=1 ${SRUN_ARGS:-} "${PYTHON:-python}" -u \
        "$here/$3" "${@:4}" --launcher slurm
}
