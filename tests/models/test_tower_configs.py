"""How pretrained towers' own files become a configuration."""
from __future__ import annotations

import json

import pytest
from sentence_folders import write_clip, write_sentence_folder
from tiny_towers import write_hf_folders

from chtn_plugin.models.tower_configs import tower_configs

_MEAN = dict(type='Pooling', pooling_mode='mean')


def test_clip_resizes_the_shorter_side_and_crops(tmp_path):
    towers = tower_configs(str(write_clip(tmp_path)))
    assert [step['type'] for step in towers.pipeline] == [
        'LoadRGBImage', 'mmpretrain.ResizeEdge', 'mmpretrain.CenterCrop']
    assert towers.pipeline[1]['interpolation'] == 'bicubic'
    assert towers.model['data_preprocessor']['mean'] == pytest.approx(
        [127.5, 102., 76.5])
    assert towers.text['max_length'] == 16


def test_siglip_resizes_to_the_whole_size(tmp_path):
    towers = tower_configs(str(write_clip(
        tmp_path, 'siglip', size=dict(height=32, width=48), resample=2,
        do_center_crop=None)))
    assert towers.pipeline[1:] == [dict(
        type='mmpretrain.Resize', scale=(48, 32), backend='pillow',
        interpolation='bilinear')]
    assert towers.model['trunk']['input_shape'] == (3, 32, 48)


def test_the_form_of_transformers_5_is_read_too(tmp_path):
    folder = write_clip(tmp_path)
    old = folder / 'preprocessor_config.json'
    (folder / 'processor_config.json').write_text(json.dumps(
        dict(image_processor=json.loads(old.read_text()))))
    expected = tower_configs(str(folder))
    old.unlink()
    assert tower_configs(str(folder)) == expected


def test_a_prompt_and_small_letters_go_to_the_tokens(tmp_path):
    folder = str(write_sentence_folder(
        tmp_path, [_MEAN], dict(query='q: ', passage='p: '), 'query', True))
    assert tower_configs(folder).text == dict(
        type='HFTokens', model=folder, max_length=6, prompt='q: ',
        lower=True)
    assert tower_configs(folder, 'passage').text['prompt'] == 'p: '


def test_clip_as_sentence_transformers_stores_it(tmp_path):
    write_clip(tmp_path).rename(tmp_path / '0_CLIPModel')
    (tmp_path / 'modules.json').write_text('[]')
    assert tower_configs(str(tmp_path)).model['trunk']['backbone'][
        'model'] == f'{tmp_path}/0_CLIPModel'


def test_other_models_are_refused(tmp_path):
    write_hf_folders(tmp_path)
    for kind in ('bert', 'vit'):
        with pytest.raises(ValueError, match='dual encoder .* or a model of '
                                             'sentence-transformers'):
            tower_configs(str(tmp_path / kind))


def test_pictures_prepared_in_no_known_way_are_refused(tmp_path):
    folder = write_clip(tmp_path)
    (folder / 'preprocessor_config.json').unlink()
    with pytest.raises(ValueError, match='how its pictures are prepared'):
        tower_configs(str(folder))


def test_clip_has_no_prompts(tmp_path):
    with pytest.raises(ValueError, match="no prompts, got 'query'"):
        tower_configs(str(write_clip(tmp_path)), 'query')
