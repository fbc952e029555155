"""The ladder of labels: what is measured, on which rows, only once."""
from __future__ import annotations

import numpy as np
import pytest
from small_set import small_set
from tiny_ladder import ladder_setup

from chtn_plugin.studies import transfer_ladder
from chtn_plugin.studies.label_budgets import LabelBudget
from chtn_plugin.studies.record_store import RecordStore
from chtn_plugin.studies.transfer_ladder import (
    STEPS,
    Ladder,
    labels_of,
    name_offsets,
    network_steps,
    parse_rung,
    possible_steps,
    read_classifier,
    run_ladder,
    rung_name,
    works_of,
)

FEW = LabelBudget(each=2)
QUICK = Ladder([None, FEW, LabelBudget(share=1.)], draws=2)


def ran(folder, setup=None, ladder=QUICK, workers=1):
    return run_ladder(setup or ladder_setup(folder), ladder,
                      RecordStore(folder / 'r.jsonl'), workers, False)


def test_rungs_are_read_as_they_are_written():
    assert [rung_name(parse_rung(text)) for text in ('0', '4/class', '10%')
            ] == ['0', '4/class', '10%']
    with pytest.raises(ValueError, match="got 'few'"):
        parse_rung('few')


def test_steps_are_those_that_the_data_allow(tmp_path):
    assert possible_steps(ladder_setup(tmp_path)) == ('features', 'pairs')
    assert possible_steps(ladder_setup(tmp_path, prior=True)) == tuple(STEPS)


def test_without_a_label_only_names_can_tell(tmp_path):
    assert possible_steps(ladder_setup(tmp_path), False) == ()
    found = possible_steps(ladder_setup(tmp_path, prior=True), False)
    assert 'pairs, names, source' in found and 'pairs' not in found


def test_a_step_sees_the_drawn_labels_alone(tmp_path):
    setup = ladder_setup(tmp_path, unlabelled=3)
    label = labels_of(setup, FEW, 0)
    features = setup.rows.features
    assert (label >= 0).sum() == 6
    assert (label[~features.train] == -2).all()
    assert (label[label >= 0] == features.label[label >= 0]).all()
    assert (label[features.label == -1] == -1).all()


def test_draws_are_paired_over_the_steps(tmp_path):
    found = ran(tmp_path)
    by_step = {}
    for record in found:
        if record['rung'] == '2/class':
            by_step.setdefault(record['step'], []).append(record['draw'])
    assert by_step == dict(features=[0, 1], pairs=[0, 1])


def test_all_labels_and_none_have_one_draw(tmp_path):
    setup = ladder_setup(tmp_path, prior=True)
    draws = {rung_name(work.rung): work for work in works_of(QUICK, setup)
             if work.kind == 'closed' and work.draw == 1}
    # Of the second draw only the shuffled names are others.
    assert draws['0'].steps == ('pairs, names, shuffled source', )
    assert draws['100%'].steps == ('pairs, names, shuffled source', )


def test_what_was_measured_is_not_measured_again(tmp_path, monkeypatch):
    setup = ladder_setup(tmp_path)
    first = ran(tmp_path, setup)
    monkeypatch.setattr(transfer_ladder, 'measure', None)
    assert ran(tmp_path, setup) == first


def test_two_processes_find_the_same(tmp_path):
    setup = ladder_setup(tmp_path)
    one = ran(tmp_path, setup)
    (tmp_path / 'two').mkdir()
    two = run_ladder(setup, QUICK, RecordStore(tmp_path / 'two' / 'r.jsonl'),
                     2, False)
    assert [r['mean'] for r in one] == [r['mean'] for r in two]


def test_no_process_is_refused(tmp_path):
    with pytest.raises(ValueError, match='jobs must be at least 1, got 0'):
        ran(tmp_path, workers=0)


def test_names_tell_classes_apart_before_any_label(tmp_path):
    setup = ladder_setup(tmp_path, prior=True)
    label = labels_of(setup, None, 0)
    image, text = name_offsets(setup, STEPS['pairs, names, source'], label, 0)
    true = setup.rows.features.label
    assert (image.argmax(1) == true).mean() > .8
    assert (text.argmax(1) == true).mean() > .8


def test_shuffled_names_tell_less(tmp_path):
    setup = ladder_setup(tmp_path, prior=True)
    label = labels_of(setup, None, 0)
    true = setup.rows.features.label
    right = [(name_offsets(setup, STEPS[name], label, draw)[0].argmax(1)
              == true).mean() for name, draw in (
                  ('pairs, names, source', 1),
                  ('pairs, names, shuffled source', 1))]
    assert right[1] < right[0]


def test_label_free_methods_see_no_label(tmp_path):
    found = {r['step']: r for r in ran(tmp_path) if r['kind'] == 'free'}
    assert set(found) == {'CCA', 'ASIF'}
    assert found['CCA']['labelled'] == 0
    assert found['CCA']['accuracy_image'] is None


def test_the_network_is_trained_at_the_rungs_that_are_asked_for(tmp_path):
    setup = ladder_setup(tmp_path, prior=True, source=True)
    ladder = Ladder([], draws=1, trained_rungs=[FEW], trained_draws=1)
    found = {r['step']: r for r in ran(tmp_path, setup, ladder)
             if r['kind'] == 'network'}
    assert set(found) == {
        'network', 'network, pair distance', 'network, source supervision',
        'network, source supervision, MMD', 'network, pairs',
        'network, pairs, names'}
    assert all(0 <= r['mean'] <= 1 for r in found.values())


def test_the_figure_is_the_one_of_the_named_protocol(tmp_path):
    setup = ladder_setup(tmp_path)
    made = small_set()
    test = ~made.train
    hot = np.eye(3, dtype=np.float32)[made.label[test]]
    found = transfer_ladder.scored(
        setup, dict(image=hot, text=hot, image_class=made.label[test],
                    text_class=made.label[test]), 'dot')
    assert found['mean'] == 1. and found['accuracy_text'] == 1.
    assert len(found['ap']['i2t']) == 15


def test_a_prior_without_a_file_is_refused():
    with pytest.raises(ValueError, match='give class_prior.file, got none'):
        read_classifier(dict(type='ClassNamePrior'))


def test_a_network_may_be_trained_without_its_released_terms(tmp_path):
    setup = ladder_setup(tmp_path, source=True, prior=True)
    few = ['network', 'network, pairs', 'network, pairs, names']
    assert network_steps(setup, released=False) == few
    assert set(network_steps(setup)) > set(few)
    ladder = Ladder([], trained_rungs=[FEW], trained_draws=2, released=False)
    assert [work.steps[0] for work in works_of(ladder, setup)
            if work.kind == 'network'] == 2 * few
