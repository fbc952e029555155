"""Curves out of the logs of a run."""
import json

import pytest

from chtn_plugin.reporting.training_log import read_training_log


@pytest.fixture
def write(tmp_path):
    def written(start, *rows):
        path = tmp_path / start / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(
            row if isinstance(row, str) else json.dumps(row)
            for row in rows))
    return written


def test_the_later_file_counts_where_a_resumed_run_overlaps(tmp_path, write):
    write('0101', dict(loss=3., iter=10), dict(loss=2., iter=20))
    write('0102', dict(loss=1., iter=20), dict(loss=.5, iter=30))
    training, _ = read_training_log(tmp_path)
    assert training == {'loss': ([10, 20, 30], [3., 1., .5])}


def test_a_validation_stands_at_the_iteration_before_it(tmp_path, write):
    write('0101', dict(loss=3., iter=10), {'retrieval/mean_mAP': .5,
                                           'step': 1})
    _, validation = read_training_log(tmp_path)
    assert validation == {'retrieval/mean_mAP': ([10], [.5])}


def test_a_line_that_was_cut_off_is_left_out(tmp_path, write):
    write('0101', dict(loss=3., iter=10), '{"loss": 2., "it')
    assert read_training_log(tmp_path)[0] == {'loss': ([10], [3.])}


def test_a_loss_that_is_no_number_is_no_point(tmp_path, write):
    write('0101', '{"loss": NaN, "loss_a": 1.0, "iter": 10}')
    assert read_training_log(tmp_path)[0] == {'loss_a': ([10], [1.])}


def test_figures_of_single_classes_are_no_curves(tmp_path, write):
    write('0101', {'retrieval/i2t_mAP/cat': .5, 'retrieval/i2t_mAP': .25,
                   'step': 7})
    assert read_training_log(tmp_path)[1] == {
        'retrieval/i2t_mAP': ([7], [.25])}
