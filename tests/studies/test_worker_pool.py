"""Worker processes where a system can fork, and where it cannot."""
from __future__ import annotations

import multiprocessing
import signal
import tempfile
import time

import pytest
from small_set import small_set

from chtn_plugin.studies import worker_pool as module
from chtn_plugin.studies.benchmark import Plan, run_benchmark
from chtn_plugin.studies.label_budgets import LabelBudget
from chtn_plugin.studies.record_store import RecordStore
from chtn_plugin.studies.worker_pool import given, worker_pool


@pytest.mark.skipif('fork' not in multiprocessing.get_all_start_methods(),
                    reason='this system cannot fork')
def test_ctrl_c_is_left_to_the_first_process():
    with worker_pool(1) as pool:
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == (
            signal.SIG_IGN)


def test_workers_have_what_they_are_given():
    with worker_pool(1, dict(a=1)) as pool:
        assert pool.submit(given).result() == dict(a=1)
    assert given() is None


def test_what_runs_is_ended_not_waited_for(tmp_path):
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), worker_pool(2) as pool:
        for _ in range(4):
            pool.submit(_long_task, tmp_path)
        while not list(tmp_path.iterdir()):
            time.sleep(.05)
        raise KeyboardInterrupt
    assert not multiprocessing.active_children()
    assert time.monotonic() - start < 20
    assert not list(tmp_path.iterdir())  # its temporary folder is gone


def _long_task(folder):
    with tempfile.TemporaryDirectory(dir=folder):
        time.sleep(60)


@pytest.mark.slow
def test_spawned_workers_measure_the_same(tmp_path, monkeypatch):
    def figures(workers):
        store = RecordStore(tmp_path / f'{workers}.jsonl')
        plan = Plan(methods=('random', 'NearestClassMean'), budget=2,
                    labels=(LabelBudget(each=4), ), draws=2)
        return [(r['kind'], r['method'], r['draw'], r.get('mean'))
                for r in run_benchmark(small_set(), plan, store, workers,
                                       False)]

    alone = figures(1)
    assert {row[0] for row in alone} == {'test'}
    # As on Windows.
    monkeypatch.setattr(module, 'get_all_start_methods', lambda: ['spawn'])
    assert figures(2) == alone
