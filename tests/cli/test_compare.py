"""tools/compare.py as a user runs it."""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from chtn_plugin.evaluation import (
    Embeddings,
    make_results,
    score_embeddings,
    write_results,
)

TOOL = Path(__file__).parents[2] / 'tools' / 'compare.py'


def test_compares_work_directories(tmp_path):
    labels = np.arange(60) % 3
    for method, signal in dict(weak=.1, strong=3).items():
        for seed in range(2):
            rng = np.random.default_rng(seed)
            image, text = (rng.normal(size=(2, 60, 4))
                           + signal * np.eye(4)[labels])
            write_results(
                tmp_path / method / str(seed) / 'results.json',
                make_results(score_embeddings(
                    Embeddings(image, text, labels, labels),
                    ['chtn-map-all'])))
    done = subprocess.run(
        [sys.executable, TOOL, tmp_path / 'weak',
         f'ours={tmp_path / "strong"}', '--out', 'c.md', 'c.json'],
        capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'ours is ahead of weak by' in done.stdout
    assert (tmp_path / 'c.md').read_text() == done.stdout
    compared = json.loads((tmp_path / 'c.json').read_text())
    assert compared['tests'] == 3
    # Its own are replaced, a user's are not.
    again = subprocess.run(done.args, capture_output=True, text=True,
                           cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    for name in ('c.md', 'c.json'):
        kept = (tmp_path / name).read_text()
        (tmp_path / name).write_text('### mine\n')
        again = subprocess.run(done.args, capture_output=True, text=True,
                               cwd=tmp_path)
        assert again.returncode == 1
        assert f'may be replaced: {name} is another' in again.stderr
        assert (tmp_path / name).read_text() == '### mine\n'
        (tmp_path / name).write_text(kept)


def test_what_is_no_result_is_an_error_in_words(tmp_path):
    np.savez(tmp_path / 'a.npz', image=np.eye(2))
    for name, said in (('a.npz', 'results must be a JSON file that '
                        'tools/test.py or tools/score.py wrote: a.npz is no '
                        'JSON'), ('gone.json', 'results not found')):
        done = subprocess.run([sys.executable, TOOL, name],
                              capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith(f'error: {said}')
        assert 'Traceback' not in done.stderr
