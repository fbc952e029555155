"""tools/score.py as a user runs it."""
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chtn_plugin.evaluation import Embeddings, save_embeddings

TOOL = Path(__file__).parents[2] / 'tools' / 'score.py'


def run(*arguments):
    return subprocess.run([sys.executable, TOOL, *map(str, arguments)],
                          capture_output=True, text=True)


@pytest.fixture(scope='module')
def embeddings(tmp_path_factory):
    path = tmp_path_factory.mktemp('score') / 'embeddings.npz'
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    image, text = rng.normal(size=(2, 30, 4)) + np.eye(4)[labels]
    save_embeddings(path, Embeddings(image, text, labels, labels,
                                     classes=('sea', 'sky', 'sun')))
    return path


def test_prints_writes_and_exports(embeddings, tmp_path):
    out = tmp_path / 'results.json'
    done = run(embeddings, '--protocol', 'all', '--k', 1, 5, '--out', out,
               '--trec', tmp_path / 'trec', '--per-class')
    assert done.returncode == 0, done.stderr
    for name in ('chtn-map-all:stable', 'acmr-map-hits@5', 'ndcg', 'pr-11'):
        assert name in done.stdout
    assert 'chtn-map-all  i2t  sky' in done.stdout
    results = json.loads(out.read_text())
    assert {f['direction'] for f in results['figures']} == {
        'i2t', 't2i', 'mean'}
    assert (tmp_path / 'trec' / 't2i.qrels').exists()


def test_gives_the_cuts_to_a_name_without_one(embeddings):
    done = run(embeddings, '--protocol', 'precision:stable', '--k', 2, 3,
               '--bootstrap', 0)
    assert done.returncode == 0, done.stderr
    assert 'precision@2:stable' in done.stdout
    assert 'precision@3:stable' in done.stdout


def _refused(*arguments):
    """The line that says why."""
    done = run(*arguments)
    assert done.returncode == 1
    said, = done.stderr.strip().split('\n')
    assert said.startswith('error: ')
    return said


def test_what_cannot_be_scored_is_an_error_in_words(tmp_path):
    rows = np.eye(2)
    np.savez(tmp_path / 'objects.npz', image=rows, text=rows,
             label=np.array([{}, []], object))
    (tmp_path / 'cut.npz').write_bytes(
        (tmp_path / 'objects.npz').read_bytes()[:-9])
    save_embeddings(tmp_path / 'unlabelled.npz', Embeddings(rows, rows))
    assert 'embeddings not found' in _refused(tmp_path / 'gone.npz')
    said = _refused(tmp_path / 'objects.npz')
    assert 'objects.npz cannot be read: it must hold plain numbers' in said
    assert 'pickle' not in said
    assert 'cannot be read' in _refused(tmp_path / 'cut.npz')
    assert 'no labels for image; name them or give a file of labels' in (
        _refused(tmp_path / 'unlabelled.npz'))


def test_lists_the_protocols_and_refuses_others(embeddings):
    assert 'torchcmh-map-first@K' in run('--list').stdout
    assert 'chtn-map-all' in _refused(embeddings, '--protocol', 'map')
    assert 'FIELD=NAME, got x' in run(embeddings, '--fields', 'x').stderr


def test_pairs_by_row_need_no_labels(tmp_path):
    rows = np.random.default_rng(0).normal(size=(20, 4))
    save_embeddings(tmp_path / 'pairs.npz', Embeddings(rows, rows))
    done = run(tmp_path / 'pairs.npz', '--row-pairs')
    assert done.returncode == 0, done.stderr
    assert re.search('pair-hit-rate@1 +i2t +1.0000', done.stdout)
    assert 'pair-median-rank  mean' in done.stdout
    assert 'chtn-map-all' not in done.stdout
    done = run(tmp_path / 'pairs.npz', '--row-pairs', '--protocol', 'all')
    assert done.returncode == 0, done.stderr
    np.savez(tmp_path / 'uneven.npz', image=rows, text=rows[1:])
    assert 'as many images as texts, got 20 and 19' in _refused(
        tmp_path / 'uneven.npz', '--row-pairs')


def test_says_how_many_have_no_class_and_which_similarity(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.array([0, 1, 2, -1] * 5)
    save_embeddings(tmp_path / 'e.npz', Embeddings(
        *rng.normal(size=(2, 20, 4)), labels, labels, image_pair=np.arange(20),
        text_pair=np.arange(20), meta=dict(similarity='dot')))
    said = run(tmp_path / 'e.npz').stdout
    assert 'i2t: 5 queries have no class' in said
    assert 'chtn-map-all:dot' in said and 'pair-median-rank:dot' in said
    said = run(tmp_path / 'e.npz', '--similarity', 'cosine').stdout
    assert 'chtn-map-all:dot' not in said and 'pair-median-rank ' in said


def test_a_file_of_the_users_is_not_replaced_and_our_own_is(embeddings,
                                                            tmp_path):
    out = tmp_path / 'results.json'
    out.write_text('{"mine": 1}')
    done = run(embeddings, '--out', out)
    assert done.returncode == 1
    assert 'only files that this tool has written may be replaced' in (
        done.stderr)
    assert out.read_text() == '{"mine": 1}'
    out.unlink()
    for _ in range(2):
        done = run(embeddings, '--out', out)
        assert done.returncode == 0, done.stderr


def test_a_run_of_another_program_is_scored(tmp_path):
    (tmp_path / 'a.run').write_text('q Q0 d 1 1 t\nq Q0 e 2 .5 t\n'
                                    'other Q0 d 1 1 t\n')
    (tmp_path / 'a.qrels').write_text('q 0 e 2\nlost 0 d 1\n')
    done = run('--run', tmp_path / 'a.run', '--qrels', tmp_path / 'a.qrels',
               '--protocol', 'all', '--k', 1, '--out', tmp_path / 'r.json')
    assert done.returncode == 0, done.stderr
    figures = {f['protocol']: f['value'] for f in json.loads(
        (tmp_path / 'r.json').read_text())['figures']}
    assert figures['chtn-map-all'] == .25 and figures['hit-rate@1'] == 0
    for words in ('1 judged queries are not in the run', 'such as other',
                  'gains above 1 count as 1'):
        assert words in done.stdout


def test_embeddings_are_judged_by_their_ids(tmp_path):
    save_embeddings(tmp_path / 'e.npz', Embeddings(
        np.eye(2), np.eye(2), np.arange(2), np.arange(2),
        image_id=np.array(['a', 'b']), text_id=np.array(['x', 'y'])))
    (tmp_path / 'q.json').write_text(
        '{"relevant_docs": {"x": ["b"]}, "queries": {"x": "?"}}')
    done = run(tmp_path / 'e.npz', '--qrels', tmp_path / 'q.json',
               '--directions', 't2i', '--protocol', 'chtn-map-all')
    assert done.returncode == 0, done.stderr
    assert re.search(r'chtn-map-all +t2i +0\.5000', done.stdout)


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--run', 'a'), '--run needs --qrels'),
    (('--run', 'a', '--qrels', 'b', 'c.npz'), 'either --run or EMBEDDINGS'),
    (('--run', 'none', '--qrels', 'b'), 'error: run not found: none')])
def test_wrong_arguments_of_a_run_end_in_a_line(arguments, message):
    done = run(*arguments)
    assert done.returncode and message in done.stderr
    assert 'Traceback' not in done.stderr
