"""The rows of a manifest, held as columns."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.datasets import manifest_rows
from chtn_plugin.datasets.manifest_rows import (
    JoinedTexts,
    Manifest,
    ManifestBuilder,
    PairRecord,
)
from chtn_plugin.storage.side_files import HeldArrays

RECORDS = [
    PairRecord('a', 'train', ('cat', 'pet'), 'a.jpg', ('one', 'two'), 'f:2'),
    PairRecord('é', 'test', (), None, ('three', ), 'g.xml'),
    PairRecord('c', 'train', ('pet', ), 'c.jpg', (), 'f:07'),
]


@pytest.fixture
def manifest():
    return Manifest.of(RECORDS)


def test_records_come_back_as_they_were(manifest):
    assert list(manifest) == RECORDS
    assert [manifest[i] for i in (0, 1, -1)] == RECORDS
    assert manifest[1:] == RECORDS[1:]
    assert len(manifest) == 3


def test_a_manifest_equals_the_list_of_its_records(manifest):
    assert manifest == RECORDS and manifest == Manifest.of(RECORDS)
    assert manifest != RECORDS[:2] and manifest != [*RECORDS[:2], RECORDS[0]]


def test_a_manifest_stays_as_it_is(manifest):
    assert Manifest.of(manifest) is manifest


def test_no_record_makes_an_empty_manifest():
    assert list(Manifest.of([])) == []
    assert Manifest.of([]).splits() == []


def test_more_records_than_go_together_come_in_order():
    records = [PairRecord(str(k), 'train', (f'c{k % 7}', ), None,
                          (f't{k}', ) * (k % 3 + 1), f'f:{k}')
               for k in range(10_000)]
    assert list(Manifest.of(records)) == records


def test_columns_hold_names_once(manifest):
    assert manifest.split_names == ('train', 'test')
    assert manifest.split_codes.tolist() == [0, 1, 0]
    assert manifest.class_names == ('cat', 'pet')
    assert manifest.class_codes.tolist() == [0, 1, 1]
    assert manifest.class_ends.tolist() == [0, 2, 2, 3]


def test_rows_of_a_split(manifest):
    assert manifest.rows_of('train').tolist() == [0, 2]
    assert manifest.rows_of('dev').tolist() == []
    assert manifest.splits() == ['test', 'train']


def test_moved_rows_are_in_another_split_of_a_copy(manifest):
    moved = manifest.moved([2], 'val')
    assert [record.split for record in moved] == ['train', 'test', 'val']
    assert [record.split for record in manifest] == ['train', 'test', 'train']
    assert moved.splits() == ['test', 'train', 'val']


def test_texts_of_rows_are_joined(manifest):
    texts = JoinedTexts(manifest, np.array([2, 0, 1]))
    assert list(texts) == ['', 'one two', 'three']
    assert [texts[i] for i in range(3)] == list(texts) == texts[:]


def test_texts_of_rows_may_come_one_by_one(manifest):
    texts = JoinedTexts(manifest, np.array([0, 0, 1, 2]),
                        np.array([0, 1, 0, 0]))
    assert list(texts) == ['one', 'two', 'three', '']
    assert [texts[i] for i in range(4)] == list(texts)


def test_texts_from_all_over_are_found_too():
    count = 100_000
    made = Manifest.of(PairRecord(str(k), 's', (), None, (f't{k}', ), '')
                       for k in range(count))
    rows = np.random.default_rng(0).permutation(count)[:5000]
    assert list(JoinedTexts(made, rows)) == [f't{k}' for k in rows]


@pytest.mark.parametrize('name, rows, reason', [
    ('MAX_CLASSES', [('a', 'b', 'c')], "most 2 classes, 'c' is one more"),
    ('MAX_SPLITS', [('a', )] * 3, 'most 2 splits')])
def test_too_many_names_are_refused(monkeypatch, name, rows, reason):
    monkeypatch.setattr(manifest_rows, name, 2)
    records = [PairRecord(str(k), f's{k}', classes, None, ('t', ), f'f:{k}')
               for k, classes in enumerate(rows)]
    with pytest.raises(ValueError, match=reason):
        ManifestBuilder(HeldArrays()).add_records(records)
