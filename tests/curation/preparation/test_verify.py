"""Counts and hashes of a prepared set."""
from __future__ import annotations

from chtn_plugin.curation.preparation.verify import (
    Expected,
    count_problems,
    histogram_table,
    listed_files,
    sum_problems,
    write_sums,
)
from chtn_plugin.datasets.manifest import PairRecord


def pair(split, *classes):
    return PairRecord('0', split, classes, '0.png', ('a text', ), 'm.tsv:2')


PAIRS = [pair('train', 'cat'), pair('train', 'dog'), pair('val', 'cat'),
         pair('test', 'cat', 'dog')]


def test_counts_that_agree_are_no_problem():
    assert count_problems(PAIRS, Expected(
        {'train+val': 3, 'test': 1},
        {'train': {'cat': 1, 'dog': 1}})) == []


def test_counts_that_are_off_are_said_by_split_and_class():
    assert count_problems(PAIRS, Expected(
        {'train': 3}, {'train+val': {'cat': 1}})) == [
            'train must have 3 pairs, found 2',
            'train+val, class cat: must have 1 pairs, found 2',
            'train+val, class dog: must have 0 pairs, found 1']


def test_a_table_has_splits_in_order_and_counts_pairs_once():
    assert [line.split() for line in histogram_table(
        PAIRS[::-1]).splitlines()] == [
            ['class', 'train', 'val', 'test'], ['cat', '1', '1', '1'],
            ['dog', '1', '0', '1'], ['pairs', '2', '1', '1']]


def test_sums_are_as_sha256sum_writes_them(tmp_path):
    (tmp_path / 'a').write_text('abc')
    write_sums(tmp_path, ['a', 'a'])
    assert (tmp_path / 'SHA256SUMS').read_text() == (
        'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
        '  a\n')
    assert listed_files(tmp_path) == ['a']


def test_files_that_changed_or_went_are_named(tmp_path):
    for name in 'ab':
        (tmp_path / name).write_text(name)
    assert sum_problems(tmp_path) is None
    write_sums(tmp_path, 'ab')
    assert sum_problems(tmp_path) == []
    (tmp_path / 'a').unlink()
    (tmp_path / 'b').write_text('other')
    missing, changed = sum_problems(tmp_path)
    assert missing == 'a is missing'
    assert changed.startswith('b has changed: SHA-256 must be 3e23e8160039')
