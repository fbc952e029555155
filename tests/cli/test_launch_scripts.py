"""What the launch scripts start, seen by programs that print their call."""
import os
import subprocess

import pytest
from short_run import ROOT


@pytest.fixture
def call(tmp_path):
    """Run a script with a python and an srun that print their arguments."""
    for name in ('python', 'srun'):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho {name} "$@"\n'
                        'echo $PYTHONPATH $OMP_NUM_THREADS >&2\n')
        path.chmod(0o755)

    def run(script, *arguments, **variables):
        done = subprocess.run(
            [ROOT / 'tools' / script, *arguments], capture_output=True,
            text=True, env=dict(
                variables, PATH=f'{tmp_path}:{os.environ["PATH"]}'))
        return done.returncode, done.stdout.strip(), done.stderr
    return run


def test_one_machine_takes_any_free_port(call):
    assert call('dist_train.sh', 'c.py', '8', '--work-dir', 'a b') == (
        0, 'python -m torch.distributed.run --standalone --nproc_per_node=8 '
        f'{ROOT}/tools/train.py c.py --work-dir a b --launcher pytorch',
        f'{ROOT} 1\n')


def test_machines_meet_at_the_address_given(call):
    _, started, _ = call('dist_test.sh', 'c.py', 'run', '8', NNODES='4',
                         NODE_RANK='3', MASTER_ADDR='m0', PORT='29511')
    assert started == (
        'python -m torch.distributed.run --nnodes=4 --node_rank=3 '
        '--master_addr=m0 --master_port=29511 --nproc_per_node=8 '
        f'{ROOT}/tools/test.py c.py run --launcher pytorch')


def test_slurm_starts_a_process_a_gpu(call):
    _, started, threads = call('slurm_train.sh', 'gpu', 'name', 'c.py',
                               '--resume', GPUS='32', OMP_NUM_THREADS='4',
                               SRUN_ARGS='--time=1 --mem=2')
    assert started == (
        'srun -p gpu --job-name=name --gres=gpu:8 --ntasks=32 '
        '--ntasks-per-node=8 --cpus-per-task=5 --kill-on-bad-exit=1 '
        f'--time=1 --mem=2 python -u {ROOT}/tools/train.py c.py --resume '
        '--launcher slurm')
    assert threads.split()[1] == '4'


def test_slurm_asks_a_machine_for_no_more_gpus_than_it_uses(call):
    _, started, _ = call('slurm_test.sh', 'gpu', 'name', 'c.py', 'run',
                         GPUS='2')
    assert '--gres=gpu:2 --ntasks=2 --ntasks-per-node=2' in started
    assert started.endswith('test.py c.py run --launcher slurm')


@pytest.mark.parametrize('script, enough', [
    ('dist_train.sh', 2), ('dist_test.sh', 3), ('slurm_train.sh', 3),
    ('slurm_test.sh', 4)])
def test_too_few_arguments_print_how_it_is_called(call, script, enough):
    status, started, usage = call(script, *['x'] * (enough - 1))
    assert (status, started) == (2, '')
    assert f'tools/{script} ' in usage
    assert 'set -euo' not in usage and 'set' in usage


def test_an_environment_is_of_one_family_of_packages(call):
    status, _, said = call('make_env.sh', CHTN_FAMILY='mim')
    assert status == 2
    assert said == 'CHTN_FAMILY must be openmmlab or onedl, got mim\n'
