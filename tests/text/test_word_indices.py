"""Texts to word numbers: what they are, what is lost, what travels."""
from __future__ import annotations

import pytest
import torch
from mmengine.registry import TRANSFORMS

from chtn_plugin.text.word_indices import WordIndices


def fitted(texts=('a cat', 'a dog'), **options):
    transform = WordIndices(**dict(dict(num_words=10, max_length=3),
                                   **options))
    transform.fit(texts)
    return transform


def test_frequent_words_come_first_after_padding_and_unknown():
    # 'a' twice, then 'cat' and 'dog' by alphabet: numbers 2, 3, 4
    transform = fitted()
    assert transform.words == ['a', 'cat', 'dog']
    assert transform(['a dog', 'bird', '']).tolist() == [
        [2, 4, 0], [1, 0, 0], [0, 0, 0]]


def test_num_words_bounds_the_numbers():
    transform = fitted(num_words=3)
    assert transform.words == ['a']
    assert transform(['a cat']).tolist() == [[2, 1, 0]]


def test_rare_words_are_unknown():
    assert fitted(min_count=2).words == ['a']


def test_what_is_lost_is_counted_and_logged(logged):
    transform = fitted()
    transform.encode(['a cat a dog', 'a bird'])
    # five words are kept, 'bird' is unknown, the first text loses 'dog'
    assert transform.counts == dict(texts=2, cut=1, words=5, unknown=1)
    assert logged.messages == [
        'WordIndices: 20.0% of 5 words are unknown to the vocabulary of 3; '
        '1 of 2 texts are cut to 3 words']


def test_words_of_a_file_keep_its_order(tmp_path):
    path = tmp_path / 'v.txt'
    path.write_text('dog 1 2\na 3 4\nzebra 5 6\n')
    transform = fitted(vectors=str(path))
    assert transform.words == ['dog', 'a', 'zebra']
    # a test word that no training text has is known all the same
    assert transform(['a cat zebra']).tolist() == [[3, 1, 4]]


def test_each_chinese_character_is_a_word():
    transform = fitted(texts=['猫 在 睡觉'], max_length=4)
    assert 1 not in transform(['睡觉在猫'])


def test_state_gives_the_same_numbers():
    first, second = fitted(), WordIndices(num_words=10, max_length=3)
    second.load_state(first.state())
    assert torch.equal(first(['a dog x']), second(['a dog x']))


def test_state_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match='holds 3 words'):
        WordIndices(num_words=4).load_state(fitted().state())


def test_a_list_of_words_of_earlier_versions_encodes_as_it_did():
    transform = WordIndices(num_words=9, max_length=4)
    transform.load_state(dict(words=['ह', 'a']))
    # हिन्दी was three words, of which the list holds one
    assert transform(['a हिन्दी']).tolist() == [[3, 2, 1, 1]]


def test_words_of_a_file_may_be_spelt_in_parts(tmp_path):
    path = tmp_path / 'v.txt'
    path.write_text('dog 1 2\ncafe\u0301 3 4\n', encoding='utf-8')
    transform = fitted(vectors=str(path))
    assert transform(['caf\u00e9 cafe\u0301 dog']).tolist() == [[3, 3, 2]]


def test_a_file_may_hold_the_names_of_padding_and_unknown(tmp_path):
    path = tmp_path / 'v.txt'
    path.write_text('[PAD] 1 2\n[UNK] 3 4\ndog 5 6\n')
    second = WordIndices(num_words=10, max_length=3)
    second.load_state(fitted(vectors=str(path)).state())
    assert second.words == ['[PAD]', '[UNK]', 'dog']
    assert second(['dog']).tolist() == [[4, 0, 0]]


def test_the_library_alone_gives_the_same_numbers():
    import tokenizers
    transform = fitted(texts=['हिन्दी cat'], max_length=4)
    alone = tokenizers.Tokenizer.from_str(transform.state()['tokenizer'])
    texts = ['cat हिन्दी bird', '', 'cat ' * 9]
    assert [alone.encode(text).ids for text in texts] == (
        transform(texts).tolist())


def test_unfitted_is_refused():
    with pytest.raises(RuntimeError, match='fitted'):
        WordIndices()(['a'])


@pytest.mark.parametrize('option', [
    dict(num_words=2), dict(max_length=0), dict(min_count=0)])
def test_option_out_of_range_is_refused(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        WordIndices(**option)


def test_texts_without_a_word_are_refused():
    with pytest.raises(ValueError, match='fit their script'):
        fitted(texts=['!?', '...'])


def test_is_registered():
    assert TRANSFORMS.get('WordIndices') is WordIndices
