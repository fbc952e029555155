"""benchmarks/kill_resume.py: it kills, and it sees what is lost."""
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / 'benchmarks'))

import kill_resume  # noqa: E402

from chtn_plugin.storage.row_store import FeatureStore  # noqa: E402
from chtn_plugin.studies.record_store import RecordStore  # noqa: E402

SLEEP = 'import time; time.sleep(60)'


@pytest.mark.slow
@pytest.mark.parametrize('name', kill_resume.PARTS)
def test_killed_twice_a_tool_loses_nothing(name):
    said = kill_resume.kill_part(name, 2, random.Random(0))
    assert f'{name}: 2 kills in ' in said


def test_what_a_process_started_is_killed_with_it(tmp_path):
    # The child has a session of its own, as a rank under torchrun.
    process = subprocess.Popen([
        sys.executable, '-c', 'import subprocess, sys\n'
        f'child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}],\n'
        '                         start_new_session=True)\n'
        f'open({str(tmp_path / "pid")!r}, "w").write(f"{{child.pid}}\\n")\n'
        'child.wait()'])
    while not (tmp_path / 'pid').exists() or not (
            tmp_path / 'pid').read_text().endswith('\n'):
        time.sleep(.01)
    kill_resume.kill_all(process)
    child = int((tmp_path / 'pid').read_text())
    assert process.returncode == -9

    def state():
        return subprocess.run(['ps', '-o', 'stat=', '-p', str(child)],
                              capture_output=True, text=True).stdout.strip()
    # Dead, though nobody may have asked for its status yet; a busy system
    # takes a moment to end it.
    end = time.monotonic() + 30
    while state() and not state().startswith('Z') and time.monotonic() < end:
        time.sleep(.01)
    assert state() == '' or state().startswith('Z')


def test_a_process_that_ended_before_its_moment_is_no_kill(tmp_path):
    assert not kill_resume.kill_at_random(
        [sys.executable, '-c', 'pass'], tmp_path, 0, random.Random(0))


def test_a_changed_byte_and_a_missing_file_are_seen(tmp_path):
    for name in ('one', 'other'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'file').write_text('same')
    pair = tmp_path / 'one', tmp_path / 'other'
    kill_resume.compare_files(*pair)
    (tmp_path / 'other/file').write_text('samE')
    with pytest.raises(AssertionError, match='file differs'):
        kill_resume.compare_files(*pair)
    (tmp_path / 'other/file').unlink()
    with pytest.raises(AssertionError):
        kill_resume.compare_files(*pair)


def test_a_changed_weight_is_seen(tmp_path):
    import torch
    for name, value in (('one', 1.), ('same', 1.), ('other', 1 + 1e-4)):
        (tmp_path / name).mkdir()
        torch.save(dict(state_dict=dict(w=torch.tensor([value])),
                        meta=dict(iter=2),
                        message_hub=dict(runtime_info=dict(best_score=.5))),
                   tmp_path / name / 'iter_2.pth')
    kill_resume.compare_runs(tmp_path / 'one', tmp_path / 'same')
    with pytest.raises(AssertionError):
        kill_resume.compare_runs(tmp_path / 'one', tmp_path / 'other', 1e-5)


def test_a_changed_vector_is_seen(tmp_path, monkeypatch):
    contents = {'one': (np.ones((1, 2)), [dict(id='a')]),
                'other': (np.ones((1, 2)) + 1e-7, [dict(id='a')])}

    class Store:
        def __init__(self, path):
            self.path = path

        def contents(self):
            return contents[self.path]
    monkeypatch.setattr(kill_resume, 'IndexStore', Store)
    kill_resume.compare_indexes('one', 'one')
    with pytest.raises(AssertionError):
        kill_resume.compare_indexes('one', 'other')


def test_a_row_that_is_missing_in_the_cache_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(kill_resume, 'compare_runs', lambda *folders: None)
    key = 'a' * 64
    for name, rows in (('one', 2), ('same', 2), ('other', 1)):
        FeatureStore(tmp_path / name / 'cache', key).add(
            ['a', 'b'][:rows], np.ones((rows, 2)))
    kill_resume.compare_cached_runs(tmp_path / 'one', tmp_path / 'same')
    with pytest.raises(AssertionError, match=f'{key} b'):
        kill_resume.compare_cached_runs(tmp_path / 'one', tmp_path / 'other')


def test_another_figure_is_seen_in_a_benchmark_and_another_time_is_not(
        tmp_path):
    for name, score, seconds in (('one', .5, 1), ('same', .5, 2),
                                 ('other', .6, 1)):
        RecordStore(tmp_path / name / 'records.jsonl').add(
            dict(key='a', score=score, seconds=seconds))
        (tmp_path / name / 'benchmark.json').write_text(json.dumps(dict(
            tables=[dict(rows=[dict(seconds=seconds)])], hours=seconds)))
    kill_resume.compare_benchmarks(tmp_path / 'one', tmp_path / 'same')
    with pytest.raises(AssertionError, match='a differs'):
        kill_resume.compare_benchmarks(tmp_path / 'one', tmp_path / 'other')
