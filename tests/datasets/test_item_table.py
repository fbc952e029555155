"""The items of a data set, held as columns."""
from __future__ import annotations

import pytest
import torch
from tiny_data import write_pairs, write_picture

from chtn_plugin.datasets import CrossModalDataset
from chtn_plugin.datasets.item_table import first_of_equal


@pytest.fixture
def made(tmp_path):
    write_picture(tmp_path / 'a.png')
    write_pairs(tmp_path, [f'{k},train,c{k % 2},a.png,word{k % 3}'
                           for k in range(6)])
    made = CrossModalDataset('pairs.tsv', dict(type='BagOfWords'),
                             [dict(type='LoadImageFromFile')], str(tmp_path))
    made.full_init()
    return made


def test_item_is_a_dictionary_when_asked_for(made):
    item = made.data_list[4]
    assert item.pop('img_path').endswith('a.png')
    assert item == dict(id='4', text='word1', classes=('c0', ), label=0,
                        image_idx=4, text_idx=4, same_text_idx=1)
    assert made.data_list[-2]['id'] == '4'


@pytest.mark.parametrize('chosen, ids', [(2, '01'), (-2, '45'),
                                         ([5, 0, 5], '505')])
def test_subset_keeps_each_item_with_its_text(made, chosen, ids):
    subset = made.get_subset(chosen)
    assert ''.join(item['id'] for item in subset.data_list) == ids
    whole = made.__getitems__([int(name) for name in ids])['inputs']['text']
    assert torch.equal(subset.__getitems__(range(len(ids)))['inputs']['text'],
                       whole)


def test_item_counted_from_the_end(made):
    assert int(made[-1]['data_samples']['sample_idx']) == 5


def test_first_of_equal_texts():
    assert first_of_equal(['b', 'a', 'b', 'c', 'a']).tolist() == [
        0, 1, 0, 3, 1]
    assert first_of_equal([]).tolist() == []
