"""Strings as one array of bytes."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.storage.text_column import TextColumn, ends_of, packed, spread

TEXTS = ['a', '', 'été', '猫 🐈', 'z\nz']


def test_strings_come_back_as_they_were():
    column = TextColumn.of(TEXTS)
    assert list(column) == TEXTS
    assert [column[i] for i in range(5)] == TEXTS
    assert column[-1] == 'z\nz' and column[1:4] == TEXTS[1:4]
    assert len(column) == 5


def test_place_beyond_the_end_is_refused():
    with pytest.raises(IndexError):
        TextColumn.of(TEXTS)[5]


def test_a_range_equals_its_strings():
    column = TextColumn.of(TEXTS)
    assert column.between(1, 4) == TEXTS[1:4]
    assert column.between(2, 2) == []


def test_lengths_are_bytes():
    # é has two bytes, 猫 three, 🐈 four
    assert TextColumn.of(TEXTS).lengths().tolist() == [1, 0, 5, 8, 3]
    assert packed(['é', 'a'])[1].tolist() == [2, 1]


def test_ends_start_at_0():
    assert ends_of(packed(['ab', '', 'c'])[1]).tolist() == [0, 2, 2, 3]


def test_more_strings_than_are_decoded_together_come_in_order():
    texts = [str(number) for number in range(10_000)]
    assert list(TextColumn.of(texts)) == texts


def test_parts_are_spread_to_places():
    assert spread(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [
        5, 6, 9, 10, 11]
