"""The input of another kind of text encoder."""
from __future__ import annotations

import re

import pytest
import torch

from chtn_plugin.models import (
    CrossModalDataPreprocessor,
    VectorTextEncoder,
)
from chtn_plugin.models.text_encoders import WordCNN
from chtn_plugin.models.text_inputs import (
    check_text,
    on_device,
    shortened,
    split_host,
)

GIVEN = {'vectors': torch.ones(2, 3),
         'word numbers': torch.ones(2, 3, dtype=torch.int64),
         'tokens': dict(input_ids=torch.ones(2, 3, dtype=torch.int64))}


@pytest.mark.parametrize('kind', GIVEN)
@pytest.mark.parametrize('given', GIVEN)
def test_each_kind_passes_alone(given, kind):
    if given == kind:
        check_text(GIVEN[given], kind)
        return
    with pytest.raises(ValueError, match=f'takes {kind}.*got {given}'):
        check_text(GIVEN[given], kind)


def test_rows_are_needed():
    with pytest.raises(ValueError, match=re.escape('of shape (3,)')):
        check_text(torch.ones(3), 'vectors')


def test_encoders_name_the_transform_they_want():
    with pytest.raises(ValueError, match='BagOfWords'):
        VectorTextEncoder(3)(GIVEN['tokens'])
    with pytest.raises(ValueError, match='WordIndices'):
        WordCNN(10, 4)(GIVEN['vectors'])


# The padding that a batch shares.


def test_word_numbers_lose_the_columns_in_which_all_are_padding():
    made = shortened(torch.tensor([[2, 0, 3, 0], [4, 0, 0, 0]]))
    assert made['numbers'].tolist() == [[2, 0, 3], [4, 0, 0]]
    assert made['host'].tolist() == [[2, 0, 3, 0], [4, 0, 0, 0]]
    check_text(made, 'word numbers')


def test_tokens_are_cut_by_their_mask():
    made = shortened(dict(input_ids=torch.tensor([[5, 6, 1], [7, 1, 1]]),
                          attention_mask=torch.tensor([[1, 1, 0],
                                                       [1, 0, 0]])))
    tensors, host = split_host(made)
    assert {name: value.tolist() for name, value in tensors.items()} == dict(
        input_ids=[[5, 6], [7, 1]], attention_mask=[[1, 1], [1, 0]])
    assert host.tolist() == [[5, 6, 1], [7, 1, 1]]
    check_text(made, 'tokens')


def test_tokens_without_a_mask_keep_their_padding():
    made = shortened(dict(input_ids=torch.tensor([[5, 0], [6, 0]])))
    assert made['input_ids'].shape == (2, 2)


def test_a_batch_of_empty_texts_keeps_one_column():
    assert shortened(torch.zeros(2, 3, dtype=torch.int64))[
        'numbers'].shape == (2, 1)
    assert shortened(torch.zeros(0, 3, dtype=torch.int64))[
        'numbers'].shape == (0, 1)


def test_vectors_and_what_is_on_a_device_pass_as_they_are():
    for text in (torch.ones(2, 3), torch.ones(2, 3, dtype=torch.int64,
                                              device='meta')):
        assert shortened(text) is text


def test_what_was_shortened_passes_as_it_is():
    made = shortened(torch.tensor([[2, 0]]))
    assert shortened(made) is made


def test_the_preprocessor_cuts_before_the_copy_and_keeps_the_numbers_here():
    made = CrossModalDataPreprocessor().to('meta')(dict(inputs=dict(
        text=torch.tensor([[2, 3, 0], [4, 0, 0]])), data_samples={}))
    tensors, host = split_host(made['inputs']['text'])
    assert tensors['numbers'].shape == (2, 2)
    assert tensors['numbers'].device.type == 'meta'
    assert host.tolist() == [[2, 3, 0], [4, 0, 0]]


def test_numbers_go_to_a_device_as_they_are():
    assert on_device([3, 1], torch.device('cpu')).tolist() == [3, 1]
