"""benchmarks/gpu.py: its checks on a GPU, and its rehearsal on the CPU."""
from __future__ import annotations

import json
import subprocess
import sys

import pytest
from short_run import ROOT, environment

sys.path.insert(0, str(ROOT / 'benchmarks'))

import gpu  # noqa: E402


@pytest.mark.gpu
@pytest.mark.parametrize('name', gpu.checks('cuda'))
def test_on_a_gpu(name):
    gpu.checks('cuda')[name]()


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.parametrize('name', gpu.runs('cuda'))
def test_runs_on_a_gpu(name, tmp_path):
    gpu.runs('cuda')[name](tmp_path)


def rehearse(out, *parts, seconds=300):
    done = subprocess.run(
        [sys.executable, ROOT / 'benchmarks/gpu.py', '--rehearse', '--out',
         out, '--seconds', str(seconds), '--only', *parts],
        env=environment(), capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(out.read_text())


def test_checks_and_measurements_rehearse_on_the_cpu(tmp_path):
    said = rehearse(tmp_path / 'gpu.json', 'checks', 'speed')
    assert said['rehearsal'] and said['failed'] == []
    assert {part['outcome'] for part in said['parts'].values()} == {'passed'}
    assert set(gpu.checks('cpu', tiny=True)) | {
        'chip', 'step', 'decoding', 'search', 'evaluation'} == set(
            said['parts'])
    step = said['parts']['step']['float32']
    assert step['runner_ms'] > 0 and step['tflop'] > 0


@pytest.mark.slow
def test_runs_rehearse_on_the_cpu(tmp_path):
    said = rehearse(tmp_path / 'gpu.json', 'runs', seconds=900)
    assert said['failed'] == []
    assert set(said['parts']) == set(gpu.runs('cpu'))
    assert said['parts']['resume, deterministic']['weights_off'] == 0


def test_a_part_that_fails_says_why_and_the_rest_goes_on(capsys):
    report = gpu.Report(100)

    def broken():
        raise AssertionError('off by 3')
    assert report.part('one', broken) == {}
    assert report.part('two', lambda: dict(off=0)) == dict(off=0)
    assert report.parts['one']['outcome'] == 'failed'
    assert report.parts['one']['why'] == 'AssertionError: off by 3'
    assert report.parts['two']['outcome'] == 'passed'
    assert 'off by 3' in capsys.readouterr().out


def test_what_there_is_no_time_for_is_named():
    report = gpu.Report(0)
    report.part('late', lambda: dict(off=0))
    assert report.parts == dict(late=dict(outcome='not run',
                                          why='no time left'))


def test_a_part_that_takes_too_long_is_stopped_and_the_rest_goes_on():
    report = gpu.Report(100)
    report.longest = 0.05

    def endless():
        while True:
            pass
    report.part('one', endless)
    report.longest = 50
    report.part('two', lambda: dict(off=0))
    assert report.parts['one']['outcome'] == 'failed'
    assert report.parts['one']['why'] == 'TimeoutError: took over 0.1 s'
    assert report.parts['two']['outcome'] == 'passed'


def test_a_run_that_takes_too_long_is_killed_and_failed(tmp_path,
                                                        monkeypatch):
    started = []

    def sleeping(*_, **__):
        (tmp_path / 'out0.txt').write_text('on its way')
        started.append(subprocess.Popen(
            [sys.executable, '-c', 'import time; time.sleep(600)']))
        return started[0]
    monkeypatch.setattr(gpu.gpu_runs, '_start', sleeping)
    monkeypatch.setattr(gpu.gpu_runs, '_longest', 0.05)
    with pytest.raises(AssertionError, match='took too long.*on its way'):
        gpu.gpu_runs.train('cpu', tmp_path / 'none.py', tmp_path)
    assert started[0].returncode == -9


STUCK = """
import signal, sys, time
sys.path.insert(0, {benchmarks!r})
import gpu

def stuck():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    time.sleep(600)
gpu.GRACE = 1
gpu.checks = lambda device, tiny: dict(
    first=lambda: dict(off=0), stuck=stuck, last=lambda: dict(off=0))
sys.exit(gpu.main(['--rehearse', '--only', 'checks', '--seconds', '6',
                   '--out', {out!r}]))
"""


def test_a_part_that_does_not_stop_ends_the_whole_with_a_report(tmp_path):
    out = tmp_path / 'gpu.json'
    done = subprocess.run(
        [sys.executable, '-c', STUCK.format(
            benchmarks=str(ROOT / 'benchmarks'), out=str(out))],
        env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stderr
    said = json.loads(out.read_text())
    assert said['failed'] == ['stuck']
    assert said['parts']['first']['outcome'] == 'passed'
    assert said['parts']['stuck']['why'] == (
        'it did not stop when its time was up')
    assert 'last' not in said['parts']


def test_without_a_gpu_it_says_so():
    done = subprocess.run(
        [sys.executable, ROOT / 'benchmarks/gpu.py'], env=environment(),
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith('gpu.py: needs a GPU')


def test_a_check_notices_a_model_that_computes_something_else(monkeypatch):
    # A copy on the "device" whose weights differ.
    plain = gpu.gpu_checks.build
    made = []

    def other(name):
        model = plain(name)
        made.append(model)
        if len(made) == 2:
            for weight in model.parameters():
                weight.data.add_(0.5)
        return model
    monkeypatch.setattr(gpu.gpu_checks, 'build', other)
    with pytest.raises(AssertionError):
        gpu.gpu_checks.check_model('cpu', 'features')
