"""Texts in the cache: one row each, none of them stale."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_towers import write_hf_folders

from chtn_plugin.engine.text_cache import cached_text_features
from chtn_plugin.models import HFTextEncoder
from chtn_plugin.text import HFTokens

TEXTS = ['a cat sits', 'two dogs run', 'a cat sits', 'a bird']


@pytest.fixture(scope='module')
def bert(tmp_path_factory):
    root = tmp_path_factory.mktemp('towers')
    write_hf_folders(root)
    return str(root / 'bert')


def run(bert, folder, pooling='mean', length=8, change=None, **options):
    """The features, and how many texts had to be encoded."""
    encoder = HFTextEncoder(bert, pooling=pooling, frozen=True).eval()
    if change:
        change(encoder)
    seen = []
    inner = encoder.encode
    encoder.encode = lambda tokens: (
        seen.append(len(tokens['input_ids'])), inner(tokens))[1]
    rows = cached_text_features(encoder, HFTokens(bert, length), TEXTS,
                                str(folder), **options)
    return rows, sum(seen)


def test_equal_texts_are_encoded_once_ever(bert, tmp_path):
    rows, seen = run(bert, tmp_path)
    assert (rows.shape, seen) == ((4, 8), 3)
    again, seen = run(bert, tmp_path)
    assert seen == 0 and np.array_equal(rows, again)
    assert np.array_equal(rows[0], rows[2])


def test_rows_are_the_encoders_own(bert, tmp_path):
    rows, _ = run(bert, tmp_path, batch_size=2)
    encoder = HFTextEncoder(bert, frozen=True).eval()
    direct = encoder(HFTokens(bert, 8)(TEXTS)).numpy()
    np.testing.assert_allclose(rows, direct, atol=1e-6)


@pytest.mark.parametrize('changed', [
    dict(pooling='cls'), dict(length=5), dict(dtype=torch.bfloat16),
    dict(change=lambda encoder: next(
        encoder.parameters()).data.view(-1)[0].add_(1e-3))])
def test_any_change_is_encoded_anew(bert, tmp_path, changed):
    run(bert, tmp_path)
    assert run(bert, tmp_path, **changed)[1] == 3


def test_limit_is_kept(bert, tmp_path):
    with pytest.raises(ValueError, match='feature cache may fill'):
        run(bert, tmp_path, max_bytes=10)
