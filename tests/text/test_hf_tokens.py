"""Texts to tokens: what is lost is counted, the tokenizer travels."""
from __future__ import annotations

import shutil

import pytest
import torch
from tiny_towers import ARCHITECTURES, write_hf_folders

from chtn_plugin.text import HFTokens

WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a', 'cat', '猫']


@pytest.fixture
def folder(tmp_path):
    """A word-level tokenizer of three words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast
    tokenizer = Tokenizer(models.WordLevel(
        {word: i for i, word in enumerate(WORDS)}, unk_token='[UNK]'))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single='[CLS] $A [SEP]', special_tokens=[('[CLS]', 2), ('[SEP]', 3)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token='[PAD]', unk_token='[UNK]',
        cls_token='[CLS]', sep_token='[SEP]').save_pretrained(tmp_path / 't')
    return tmp_path / 't'


def test_tokens_are_padded_and_masked(folder):
    found = HFTokens(str(folder), 5)(['a cat', '猫'])
    assert found['input_ids'].tolist() == [[2, 4, 5, 3, 0], [2, 6, 3, 0, 0]]
    assert found['attention_mask'].tolist() == [[1, 1, 1, 1, 0],
                                                [1, 1, 1, 0, 0]]


def test_what_is_lost_is_counted_and_logged(folder, logged):
    transform = HFTokens(str(folder), 4)
    transform.encode(['a a a a', 'dog'])
    assert logged.messages == [
        'HFTokens: 14.3% of 7 tokens are unknown; 1 of 2 texts are cut to 4 '
        'tokens']
    # the first has 6 tokens, of which 4 are kept; the second 3, one unknown
    assert transform.counts == dict(texts=2, cut=1, tokens=7, unknown=1)


def test_unknown_words_are_named(folder):
    assert HFTokens(str(folder), 5).unknown_words('a dog, a cat dog') == (
        ['dog', ','], 4)


def test_without_an_unknown_token_it_cannot_tell(folder):
    transform = HFTokens(str(folder), 5)
    transform.tokenizer.unk_token = '[PAD]'
    assert transform.unknown_words('a dog') is None


def test_a_cut_text_keeps_its_end_token(folder):
    assert HFTokens(str(folder), 4)(['a a a a'])['input_ids'].tolist() == [
        [2, 4, 4, 3]]


def test_the_tokenizer_travels_without_its_folder(folder):
    first = HFTokens(str(folder), 5)
    state, expected = first.state(), first(['a cat 猫'])
    shutil.rmtree(folder)
    second = HFTokens(str(folder), 5)
    second.load_state(state)
    assert torch.equal(second(['a cat 猫'])['input_ids'],
                       expected['input_ids'])


def test_a_missing_folder_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    with pytest.raises(FileNotFoundError, match='hf download'):
        HFTokens(str(tmp_path / 'none'))(['a'])


def test_a_state_stays_in_its_folder():
    with pytest.raises(ValueError, match=r"got '\.\./x'"):
        HFTokens('none').load_state(dict(files={'../x': ''}))


def test_no_text_is_an_empty_batch(folder):
    assert HFTokens(str(folder), 5)([])['input_ids'].shape == (0, 5)


def test_length_out_of_range_is_refused():
    with pytest.raises(ValueError, match='max_length'):
        HFTokens('none', 1)


def test_a_prompt_small_letters_and_no_mask(tmp_path):
    write_hf_folders(tmp_path, {'bert': ARCHITECTURES['bert']})
    folder = str(tmp_path / 'bert')
    plain = HFTokens(folder, 8)(['a bird a cat'])
    other = HFTokens(folder, 8, prompt='A bird ', lower=True,
                     masked=False)(['a CAT'])
    assert set(other) == {'input_ids'}
    assert other['input_ids'].equal(plain['input_ids'])
