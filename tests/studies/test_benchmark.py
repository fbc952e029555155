"""A benchmark: what runs, on which rows, and again after a stop."""
import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from mmengine.registry import MODELS
from small_set import small_set

from chtn_plugin.methods import CCA
from chtn_plugin.studies import benchmark
from chtn_plugin.studies.benchmark import (
    Job,
    Plan,
    jobs_of,
    rows_of,
    run_benchmark,
)
from chtn_plugin.studies.label_budgets import LabelBudget
from chtn_plugin.studies.pair_features import prepare
from chtn_plugin.studies.record_store import RecordStore
from chtn_plugin.studies.source_rows import SourceRows, with_source
from chtn_plugin.studies.spaces import SPACES

FEW, ALL = LabelBudget(each=4), LabelBudget(share=1.)


def plan(**options):
    return Plan(**dict(dict(
        methods=('random', 'NearestClassMean', 'CCA'), labels=(FEW, ),
        budget=3, draws=2), **options))


def ran(tmp_path, made=None, features=None, workers=1):
    return run_benchmark(features or small_set(), made or plan(),
                         RecordStore(tmp_path / 'r.jsonl'), workers, False)


def figures(records):
    return [(r['method'], r['labels'], r['draw'], r['mean'], r['setting'])
            for r in records]


def test_every_method_is_tested_once_a_draw(tmp_path):
    found = ran(tmp_path)
    assert sorted((r['method'], r['draw']) for r in found) == [
        (m, d) for m in ('CCA', 'NearestClassMean', 'random')
        for d in range(2)]
    assert {r['kind'] for r in found} == {'test'}


def test_methods_share_rows_and_withheld_labels_are_hidden():
    features = small_set()
    one, other = (rows_of(features, Job(name, FEW, 1, ('{}', )))
                  for name in ('CCA', 'ASIF'))
    assert (one.label == other.label).all()
    assert (one.label >= 0).sum() == 12 and len(one.label) == 48
    assert (features.label[one.train][one.labelled]
            == one.label[one.labelled]).all()


def test_the_setting_is_the_best_on_the_folds(tmp_path):
    found = [r for r in ran(tmp_path) if r['method'] == 'NearestClassMean']
    scores = [json.loads(line) for line in
              (tmp_path / 'r.jsonl').read_text().splitlines()]
    for record in found:
        tried = {r['setting']: r['score'] for r in scores
                 if r['kind'] == 'validation'
                 and r['method'] == record['method']
                 and r['draw'] == record['draw']}
        assert len(tried) == 3
        assert tried[record['setting']] == max(tried.values())
        assert record['chosen']


def test_too_few_labels_take_the_default(tmp_path):
    found = ran(tmp_path, plan(labels=(LabelBudget(each=2), )))
    for record in found:
        assert not record['chosen']
    assert not any('"validation"' in line for line in (
        tmp_path / 'r.jsonl').read_text().splitlines())


def test_choosing_never_reads_the_test_split(tmp_path):
    one = small_set()
    other = replace(one, image=one.image.copy())
    other.image[~one.train] = np.random.default_rng(1).normal(
        size=other.image[~one.train].shape)
    chosen = [[r['setting'] for r in ran(tmp_path / name, features=features)]
              for name, features in (('a', one), ('b', other))]
    assert chosen[0] == chosen[1]


def test_with_all_labels_a_closed_form_has_one_draw():
    assert [(j.method, j.draw) for j in jobs_of(plan(
        methods=('CCA', ), labels=(ALL, FEW)))] == [
            ('CCA', 0), ('CCA', 0), ('CCA', 1)]


def test_started_again_it_measures_nothing_twice(tmp_path, monkeypatch):
    first = figures(ran(tmp_path))
    monkeypatch.setattr(benchmark, '_guarded',
                        lambda *_: pytest.fail('measured again'))
    assert figures(ran(tmp_path)) == first


@pytest.mark.parametrize('lines', [1, 4, 7])
def test_killed_half_way_it_ends_with_the_same_figures(tmp_path, lines):
    whole = figures(ran(tmp_path / 'whole'))
    text = (tmp_path / 'whole' / 'r.jsonl').read_bytes().splitlines(True)
    (tmp_path / 'cut').mkdir()
    (tmp_path / 'cut' / 'r.jsonl').write_bytes(
        b''.join(text[:lines]) + text[lines][:20])
    assert figures(ran(tmp_path / 'cut')) == whole


def test_processes_change_no_figure(tmp_path):
    assert figures(ran(tmp_path / 'two', workers=2)) == figures(
        ran(tmp_path / 'one'))


def test_other_data_or_a_wider_choice_are_measured_anew(tmp_path):
    ran(tmp_path)
    size = len((tmp_path / 'r.jsonl').read_text().splitlines())
    other = small_set()
    other.text[0, 0] += 1
    ran(tmp_path, features=other)
    assert len((tmp_path / 'r.jsonl').read_text().splitlines()) == 2 * size
    ran(tmp_path, plan(budget=4))  # 2 methods, 2 draws: a setting and a test
    assert len((tmp_path / 'r.jsonl').read_text().splitlines()) == (
        2 * size + 8)


def test_a_report_alone_measures_nothing(tmp_path):
    store = RecordStore(tmp_path / 'r.jsonl')
    assert run_benchmark(small_set(), plan(), store, measure=False) == []
    ran(tmp_path, plan(methods=('CCA', )))
    found = run_benchmark(small_set(), plan(), RecordStore(
        tmp_path / 'r.jsonl'), measure=False)
    assert {record['method'] for record in found} == {'CCA'}


class Broken(CCA):
    """Fails whenever it is fitted."""

    def _fit(self, rows, shares):
        raise ArithmeticError('no such luck')


@pytest.fixture
def broken():
    MODELS.register_module(name='Broken', module=Broken, force=True)
    yield 'Broken'
    MODELS.module_dict.pop('Broken')


@pytest.mark.parametrize('workers', [1, 2])
def test_one_failure_does_not_end_it(tmp_path, broken, workers):
    found = ran(tmp_path, plan(methods=(broken, 'CCA')), workers=workers)
    assert sorted((r['method'], r['kind']) for r in found) == [
        ('Broken', 'error'), ('Broken', 'error'), ('CCA', 'test'),
        ('CCA', 'test')]
    assert found[-1]['error'] == 'ArithmeticError: no such luck'
    assert 'test_benchmark.py' in found[-1]['at']


def test_a_failure_is_tried_again(tmp_path, broken, monkeypatch):
    ran(tmp_path, plan(methods=(broken, )))
    monkeypatch.setattr(Broken, '_fit', CCA._fit)
    assert {r['kind'] for r in ran(tmp_path, plan(methods=(broken, )))} == {
        'test'}


def test_unseen_classes_are_tested_and_never_trained():
    features = small_set(60, 30, 6)
    job = Job('CCA', FEW, 0, ('{}', ), unseen=.34)
    rows = rows_of(features, job)
    trained = set(features.label[rows.train])
    tested = set(features.label[rows.test])
    assert len(tested) == 2 and not trained & tested
    assert rows.num_classes == 4
    assert set(rows.label[rows.labelled]) == {0, 1, 2, 3}


def test_unseen_classes_are_measured_without_accuracy(tmp_path):
    found = ran(tmp_path, plan(unseen=.34), small_set(60, 30, 6))
    assert {r['unseen'] for r in found} == {.34}
    assert {r['accuracy_image'] for r in found} == {None}


def test_no_process_is_refused(tmp_path):
    with pytest.raises(ValueError, match='jobs must be at least 1'):
        ran(tmp_path, workers=0)


@pytest.mark.parametrize('name', SPACES)
def test_every_method_is_tested_on_classes_it_never_saw(
        tmp_path, name, monkeypatch):
    few = {'train_cfg.max_iters': 2, 'train_dataloader.batch_size': 36}
    monkeypatch.setattr(benchmark, 'settings_of', lambda *_: [
        {**SPACES[name][0], **(
            {} if benchmark.is_closed_form(name) else few)}])
    made = small_set(60, 30, 6)
    draw = np.random.default_rng(0)
    other = small_set(24, 12, 6, noise=.5)
    source = SourceRows('other', other.image, other.label, other.text)
    made = with_source(prepare(replace(made, prior=dict(
        source_weight=draw.normal(size=(4, 6)), source_bias=np.zeros(4),
        source_names=np.eye(6)[:4], target_names=np.eye(6))), None), source)
    record, = ran(tmp_path, plan(methods=(name, ), unseen=.34, draws=1,
                                 trained_draws=1), made)
    assert record['kind'] == 'test', record.get('error')
    assert record['test'] == 10 and 0 < record['mean'] <= 1


def test_a_set_has_the_name_of_this_run(tmp_path):
    made = small_set()
    ran(tmp_path, plan(methods=('random', )), made)
    records = ran(tmp_path, plan(methods=('random', 'labels')),
                  replace(made, name='shoes'))
    assert {record['set'] for record in records} == {'shoes'}


def test_a_killed_worker_is_an_error_of_what_ran(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, '_guarded', _killed)
    store = RecordStore(tmp_path / 'records.jsonl')
    records = run_benchmark(small_set(), plan(methods=('random', )), store,
                            2, False)
    assert records and all('ended from outside' in record['error']
                           for record in records)


def _killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
