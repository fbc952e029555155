"""Encoded texts read back."""
from __future__ import annotations

import pytest
import torch

from chtn_plugin.text import BagOfWords, HFTokens, WordIndices
from chtn_plugin.text.decoding import seen_text


def test_a_bag_is_read_heaviest_term_first():
    bag = BagOfWords(num_terms=9)
    bag.fit(['a हिन्दी'])
    assert seen_text(bag, bag(['हिन्दी हिन्दी a', 'x'])) == [
        'हिन्दी:2 a:1', '']


def test_word_numbers_are_read_with_what_is_unknown():
    words = WordIndices(num_words=9, max_length=4)
    words.fit(['a cat'])
    assert seen_text(words, words(['cat bird a'])) == ['cat [unknown] a']


def test_a_state_reads_as_what_it_was_taken_of():
    first, second = (WordIndices(num_words=9, max_length=4) for _ in '12')
    first.fit(['a cat'])
    second.load_state(first.state())
    assert seen_text(second, first(['cat a'])) == ['cat a']


def test_tokens_are_read_without_padding(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    tokenizer = Tokenizer(models.WordLevel(
        {'[PAD]': 0, '[UNK]': 1, 'cat': 2}, unk_token='[UNK]'))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token='[PAD]',
        unk_token='[UNK]').save_pretrained(tmp_path)
    transform = HFTokens(str(tmp_path), 4)
    assert seen_text(transform, transform(['cat bird'])) == ['cat [UNK]']


@pytest.mark.parametrize('text', [
    torch.zeros(2, 5), dict(vectors=torch.zeros(2, 5))])
def test_of_another_transform_the_shape_is_told(text):
    assert seen_text(None, text) == ['vector (5,)'] * 2
