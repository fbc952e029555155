"""tools/suggest_labels.py as a user runs it."""
from __future__ import annotations

import csv

import pytest
import torch
from mmengine.config import Config
from tiny_ladder import write_ladder
from tiny_run import run_tool, write_run

from chtn_plugin.datasets.manifest import read_manifest


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('labels')
    write_ladder(folder, unlabelled=20)
    text = (folder / 'ladder.py').read_text()
    # As a user's own data: nothing is taken away.
    text = text.replace('per_class=2, ', '').replace("per_class=2,\n", '')
    (folder / 'ladder.py').write_text(text)
    status, said, err = run_tool(
        'suggest_labels', folder / 'ladder.py', '--number', 4, '--out',
        folder / 'out', '--measure', '--draws', 2)
    assert status == 0, err
    return folder, said


def test_as_many_are_suggested_as_were_asked_for(made):
    folder, said = made
    with open(folder / 'out' / 'labels.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['ask'] for row in rows[:5]].count('label') == 4
    assert all(row['label'] == '' for row in rows[:4])
    assert len(rows) == 63
    assert 'suggestions.html' in said


def test_what_asking_gains_is_measured_where_wished(made):
    assert 'at random' in made[1] and 'by coverage (gain)' in made[1]
    page = (made[0] / 'out' / 'suggestions.html').read_text()
    assert 'What asking gains' in page


def test_a_file_that_a_person_may_have_filled_in_is_kept(made):
    folder, _ = made
    status, _, err = run_tool('suggest_labels', folder / 'ladder.py',
                              '--out', folder / 'out')
    assert status == 1 and 'labels.csv' in err


def test_features_without_a_manifest_take_no_labels_back(made):
    folder, _ = made
    status, _, err = run_tool(
        'suggest_labels', folder / 'ladder.py', '--apply',
        folder / 'out' / 'labels.csv', '--manifest', folder / 'm.tsv')
    assert status == 1 and 'labels go back into a manifest' in err


@pytest.fixture(scope='module')
def manifest(tmp_path_factory):
    """A configuration over a manifest of pictures and texts."""
    folder = tmp_path_factory.mktemp('manifest')
    run = write_run(folder, trunk_mode='frozen')
    stored = torch.load(next(run.glob('*.pth')), weights_only=False)
    cfg = Config.fromstring(stored['meta']['cfg'], '.py')
    cfg.model.trunk_mode = 'frozen'
    cfg.train_dataloader = cfg.val_dataloader = dict(dataset=dict(
        cfg.test_dataloader.dataset, split='train'))
    cfg.dump(str(folder / 'own.py'))
    return folder, cfg.test_dataloader.dataset


def test_labels_go_back_into_a_new_manifest(manifest):
    folder, dataset = manifest
    path = f'{dataset.data_root}/{dataset.ann_file}'
    records = read_manifest(path)
    changed = records[0]
    other = next(name for record in records for name in record.classes
                 if name not in changed.classes)
    (folder / 'filled.csv').write_text(f'id,label\n{changed.id},{other}\n')
    status, said, err = run_tool(
        'suggest_labels', folder / 'own.py', '--apply',
        folder / 'filled.csv', '--manifest', folder / 'new.tsv')
    assert status == 0, err
    after = read_manifest(folder / 'new.tsv')
    assert after[0].classes == (other, )
    assert [r.classes for r in after[1:]] == [r.classes for r in records[1:]]
    assert '1 labels differ' in said
    status, _, err = run_tool(
        'suggest_labels', folder / 'own.py', '--apply',
        folder / 'filled.csv', '--manifest', folder / 'new.tsv')
    assert status == 1 and 'new.tsv' in err


def test_an_id_of_no_row_is_refused(manifest):
    folder, _ = manifest
    (folder / 'strange.csv').write_text('id,label\nnobody,\n')
    status, _, err = run_tool(
        'suggest_labels', folder / 'own.py', '--apply',
        folder / 'strange.csv', '--manifest', folder / 'other.tsv')
    assert status == 1 and "['nobody']" in err


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--number', 0), 'number must be at least 1, got 0'),
    (('--draws', 0), 'draws must be at least 1, got 0')])
def test_wrong_arguments_end_in_a_line(made, arguments, message):
    status, _, err = run_tool('suggest_labels', made[0] / 'ladder.py',
                              *arguments, '--out', made[0] / 'wrong')
    assert status == 1
    assert message in err and 'Traceback' not in err
