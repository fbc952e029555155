"""The input of another kind of text encoder."""
from __future__ import annotations

import re

import pytest
import torch

from chtn_plugin.models import VectorTextEncoder
from chtn_plugin.models.text_encoders import WordCNN
from chtn_plugin.models.text_inputs import check_text

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
