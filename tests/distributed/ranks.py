"""Several real processes over gloo, forked: importing costs nothing."""
import os
import pickle
import signal
import socket
import sys
import traceback
from pathlib import Path

import torch


def free_port():
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return server.getsockname()[1]


def on_ranks(world, function, folder, connect=True):
    """Call function(rank) on every rank.

    Returns:
        What the ranks returned, or minus the signal that ended one.
    """
    os.makedirs(folder, exist_ok=True)
    port = free_port()
    pids = []
    for rank in range(world):
        pid = os.fork()
        if pid:
            pids.append(pid)
            continue
        try:
            sys.stdout = sys.stderr = open(f'{folder}/out{rank}.txt', 'a',
                                           buffering=1)
            os.environ |= dict(
                RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world),
                MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
            if connect:
                torch.distributed.init_process_group('gloo')
            result = function(rank)
            with open(f'{folder}/result{rank}.pkl', 'wb') as file:
                pickle.dump(result, file)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    ends, stopped = {}, set()
    while len(ends) < world:
        pid, status = os.wait()
        if pid not in pids:
            continue
        ends[pid] = os.waitstatus_to_exitcode(status)
        for other in set(pids) - set(ends) if ends[pid] else ():
            # As torchrun does: the others end with the first that fails.
            done, status = os.waitpid(other, os.WNOHANG)
            if done:
                ends[other] = os.waitstatus_to_exitcode(status)
            else:
                os.kill(other, signal.SIGKILL)
                stopped.add(other)
    # All of them: where one fails, another may fail of that in the meantime.
    failed = [f'rank {rank}: ' + Path(folder, f'out{rank}.txt').read_text(
        )[-3000:] for rank, pid in enumerate(pids) if ends[pid] > 0]
    if any(ends[pid] < 0 for pid in set(pids) - stopped):
        # One was killed; the others failed of it, or ended before they could.
        ends = {pid: -signal.SIGKILL if end > 0 else end
                for pid, end in ends.items()}
    elif failed:
        raise AssertionError('\n'.join(failed))
    results = []
    for rank, pid in enumerate(pids):
        if ends[pid] < 0:
            results.append(ends[pid])
            continue
        with open(f'{folder}/result{rank}.pkl', 'rb') as file:
            results.append(pickle.load(file))
    return results
