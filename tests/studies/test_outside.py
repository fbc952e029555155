"""Results of outside methods, tabled beside the benchmark's own."""
import numpy as np
import pytest
from small_set import small_set

from chtn_plugin.studies.benchmark import Job, rows_of
from chtn_plugin.studies.benchmark_table import tables
from chtn_plugin.studies.label_budgets import LabelBudget
from chtn_plugin.studies.outside import (
    OutsideResult,
    outside_record,
    parse_outside,
    write_rows,
)


def write(path, **changes):
    made = small_set()
    arrays = dict(image=made.image[48:, :5], text=made.text[48:],
                  label=made.label[48:])
    np.savez(path, **{**arrays, **changes})
    return OutsideResult('Theirs', str(path))


def test_a_name_a_set_and_a_budget_are_read():
    assert parse_outside(['a/Theirs@4/class=x=y.npz', 'Other=z.npz']) == [
        OutsideResult('Theirs', 'x=y.npz', 'a', '4/class'),
        OutsideResult('Other', 'z.npz')]


def test_equal_names_are_draws():
    assert [one.draw for one in parse_outside(
        ['A@10%=1.npz', 'A@10%=2.npz', 'A=3.npz'])] == [0, 1, 0]


@pytest.mark.parametrize(('text', 'message'), [
    ('A', r"must be \[SET/\]NAME\[@LABELS\]=FILE, got 'A'"),
    ('A@=f', "got 'A@=f'"), ('A@most=f', "got 'most'"),
    ('CCA=f', 'CCA is a method of the benchmark already')])
def test_what_is_no_result_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_outside([text], ['CCA'])


def test_perfect_vectors_are_tabled_under_their_name(tmp_path):
    label = small_set().label[48:]
    eye = np.eye(3, dtype=np.float32)[label]
    record = outside_record(small_set(), write(tmp_path / 'a.npz', image=eye,
                                               text=eye))
    assert record['mean'] == 1 and record['labelled'] == 48
    row, = tables([record])[0]['rows']
    assert row['method'] == 'Theirs' and row['seconds'] is None


def test_class_names_in_the_same_order_are_the_same_classes(tmp_path):
    names = np.array(['c', 'a', 'b'])[small_set().label[48:]]
    assert outside_record(small_set(), write(
        tmp_path / 'a.npz', label=names))['test'] == 15


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(label=np.sort(small_set().label[48:])), 'are not those of small'),
    (dict(image=np.zeros((3, 5)), text=np.zeros((3, 5)),
          label=np.zeros(3, int)), 'has 3 images, small 15 test pairs')])
def test_other_rows_than_the_test_split_are_refused(tmp_path, changes,
                                                    message):
    with pytest.raises(ValueError, match=message):
        outside_record(small_set(), write(tmp_path / 'a.npz', **changes))


def test_rows_of_a_draw_are_those_the_methods_get(tmp_path):
    made = small_set()
    paths = write_rows(tmp_path, made, [LabelBudget(each=4),
                                        LabelBudget(share=1.)], 2)
    assert [path.name for path in paths] == [
        'small_4-class_0.npz', 'small_4-class_1.npz', 'small_100%_0.npz']
    rows = rows_of(made, Job('CCA', LabelBudget(each=4), 1, ('{}', )))
    with np.load(paths[1]) as stored:
        assert (stored['train'] == rows.train).all()
        assert (stored['label'] == rows.label).all()
        assert (stored['test'] == rows.test).all()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='results not found'):
        outside_record(small_set(), OutsideResult('A', 'none.npz'))
