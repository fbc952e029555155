"""Which pairs share content, so that no split may part them."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.datasets.grouping import (
    LEAKING_TOKENS,
    first_equal_rows,
    groups_sharing,
    num_tokens,
    text_contents,
)
from chtn_plugin.datasets.manifest import PairRecord

LONG = 'A man rides one horse.'
OTHER = 'Two dogs run on grass.'


def records(*texts):
    return [PairRecord(str(number), 'train', ('a', ), None, several, '')
            for number, several in enumerate(texts)]


def test_an_item_may_have_several_contents():
    assert groups_sharing([['a', 'b'], ['c'], ['b', 'd'], [], ['d']]) == [
        0, 1, 0, 3, 0]


def test_one_text_in_common_is_enough():
    contents = text_contents(records(
        (LONG, OTHER), ('something else', 'a man RIDES one horse')))
    assert contents == [['a man rides one horse', 'two dogs run on grass'],
                        ['something else', 'a man rides one horse']]
    assert groups_sharing(contents) == [0, 0]


def test_short_texts_can_be_left_out():
    assert num_tokens('a man rides one horse') == LEAKING_TOKENS
    short = LONG.replace(' one', '')
    assert text_contents(records((LONG, short), (short, )),
                         LEAKING_TOKENS) == [['a man rides one horse'], []]


def test_short_texts_count_together_where_all_are_short():
    pairs = records(('red shirt', 'blue blue hat'), ('red shirt', ))
    assert text_contents(pairs, LEAKING_TOKENS) == [
        ['red shirt blue blue hat'], []]


@pytest.mark.parametrize('texts', [(), ('...', ), ('', '!?')])
def test_nothing_said_is_nothing_in_common(texts):
    assert text_contents(records(texts)) == [[]]


def test_rows_point_to_the_first_that_equals_them():
    rows = np.array([[1., 2], [3, 4], [1, 2], [3, 5]], np.float32)
    assert first_equal_rows(rows) == [0, 1, 0, 3]
