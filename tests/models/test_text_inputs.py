"""The input of another kind of text encoder."""
from __future__ import annotations

import re

import pytest
import torch
from torch.distributed.utils import _to_kwargs

from chtn_plugin.models import (
    CrossModalDataPreprocessor,
    VectorTextEncoder,
)
from chtn_plugin.models.text_encoders import WordCNN
from chtn_plugin.models.text_inputs import (
    check_text,
    on_device,
    shortened,
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
    made, host = shortened(torch.tensor([[2, 0, 3, 0], [4, 0, 0, 0]]))
    assert made.tolist() == [[2, 0, 3], [4, 0, 0]]
    assert host.tolist() == [[2, 0, 3, 0], [4, 0, 0, 0]]


def test_tokens_are_cut_by_their_mask():
    made, host = shortened(dict(
        input_ids=torch.tensor([[5, 6, 1], [7, 1, 1]]),
        attention_mask=torch.tensor([[1, 1, 0], [1, 0, 0]])))
    assert {name: value.tolist() for name, value in made.items()} == dict(
        input_ids=[[5, 6], [7, 1]], attention_mask=[[1, 1], [1, 0]])
    assert host.tolist() == [[5, 6, 1], [7, 1, 1]]


def test_tokens_without_a_mask_keep_their_padding():
    made, _ = shortened(dict(input_ids=torch.tensor([[5, 0], [6, 0]])))
    assert made['input_ids'].shape == (2, 2)


def test_a_batch_of_empty_texts_keeps_one_column():
    for rows in (2, 0):
        made, _ = shortened(torch.zeros(rows, 3, dtype=torch.int64))
        assert made.shape == (rows, 1)


def test_vectors_and_what_is_on_a_device_pass_as_they_are():
    for text in (torch.ones(2, 3), torch.ones(2, 3, dtype=torch.int64,
                                              device='meta')):
        made, host = shortened(text)
        assert made is text and host is None


@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_the_preprocessor_cuts_before_the_copy_and_keeps_the_numbers_here(
        device):
    numbers = torch.tensor([[2, 3, 0], [4, 0, 0]])
    for text in (numbers, dict(input_ids=numbers,
                               attention_mask=(numbers > 0).long())):
        made = CrossModalDataPreprocessor().to(device)(
            dict(inputs=dict(text=text), data_samples={}))['inputs']['text']
        tensors = made if isinstance(made, dict) else dict(numbers=made)
        # Tensors alone: an encoder of one's own may pass them on as they are.
        assert {(tuple(value.shape), value.device.type) for value in
                tensors.values()} == {((2, 2), device)}
        again, host = shortened(made)
        assert again is made and host.tolist() == numbers.tolist()


def test_ddp_and_fsdp_pass_on_what_the_host_knows():
    made = CrossModalDataPreprocessor().to('meta')(dict(
        inputs=dict(text=torch.tensor([[2, 3, 0]])), data_samples={}))
    _, (moved, ) = _to_kwargs((), made, torch.device('meta'), False)
    assert shortened(moved['inputs']['text'])[1].tolist() == [[2, 3, 0]]


def test_numbers_go_to_a_device_as_they_are():
    assert on_device([3, 1], torch.device('cpu')).tolist() == [3, 1]
