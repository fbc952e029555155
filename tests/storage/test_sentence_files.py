"""What is read of a folder of sentence-transformers, and refused."""
from __future__ import annotations

import json

import pytest
import torch
from sentence_folders import write_sentence_folder

from chtn_plugin.storage.sentence_files import (
    is_sentence_model,
    read_sentence_folder,
)

_MEAN = dict(type='Pooling', pooling_mode='mean')
_DENSE = dict(type='Dense', in_features=8, out_features=5)


def test_it_reads_steps_prompts_and_limits(tmp_path):
    folder = read_sentence_folder(str(write_sentence_folder(
        tmp_path, [_MEAN, _DENSE, dict(type='Normalize')],
        dict(query='q: '), 'query', True)))
    assert [step['type'] for step in folder.steps] == ['Pooling', 'Dense',
                                                       'Normalize']
    assert (folder.max_length, folder.lower) == (6, True)
    assert folder.prompt() == folder.prompt('query') == 'q: '
    assert set(folder.weights[1]) == {'linear.weight', 'linear.bias'}


def test_an_unknown_prompt_is_refused_with_the_known(tmp_path):
    folder = read_sentence_folder(str(write_sentence_folder(
        tmp_path, [_MEAN], dict(query='q: '))))
    assert folder.prompt() == ''
    with pytest.raises(KeyError, match=r"one of \['query'\], got 'other'"):
        folder.prompt('other')


@pytest.mark.parametrize('steps, message', [
    ([dict(type='WeightedLayerPooling')], 'has WeightedLayerPooling'),
    ([dict(_MEAN, include_prompt=False)], 'leaves its prompt out'),
    ([_MEAN, dict(_DENSE, module_input_name='token_embeddings')],
     'must work on the vector of a text')])
def test_what_it_cannot_do_is_refused(tmp_path, steps, message):
    with pytest.raises(ValueError, match=message):
        read_sentence_folder(str(write_sentence_folder(tmp_path, steps)))


def test_a_model_must_begin_with_a_transformer(tmp_path):
    (tmp_path / 'modules.json').write_text(json.dumps(
        [dict(type='sentence_transformers.models.BoW', path='')]))
    with pytest.raises(ValueError, match=r"begin with .*\['BoW'\]"):
        read_sentence_folder(str(tmp_path))


def test_a_folder_without_modules_is_none(tmp_path):
    assert not is_sentence_model(str(tmp_path))
    with pytest.raises(FileNotFoundError, match='modules.json'):
        read_sentence_folder(str(tmp_path))


def test_lacking_weights_are_named(tmp_path):
    folder = write_sentence_folder(tmp_path, [_MEAN, _DENSE])
    (folder / '2_Dense' / 'model.safetensors').unlink()
    with pytest.raises(FileNotFoundError, match='lacks the weights of '
                                                '2_Dense'):
        read_sentence_folder(str(folder))


def test_older_weights_are_read_without_running_them(tmp_path):
    folder = write_sentence_folder(tmp_path, [_MEAN, _DENSE])
    (folder / '2_Dense' / 'model.safetensors').unlink()
    path = folder / '2_Dense' / 'pytorch_model.bin'
    torch.save({'linear.weight': torch.ones(5, 8)}, path)
    assert read_sentence_folder(str(folder)).weights[1][
        'linear.weight'].sum() == 40
    torch.save(dict(evil=Evil()), path)
    with pytest.raises(ValueError, match='could run a program'):
        read_sentence_folder(str(folder))


class Evil:
    """What a pickle would call."""

    def __reduce__(self):
        return print, ('evil', )
