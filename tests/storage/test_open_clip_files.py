"""Names of open_clip, and what is refused."""
from __future__ import annotations

import pytest

open_clip = pytest.importorskip('open_clip')

from open_clip_folder import CONFIG, write_open_clip  # noqa: E402

from chtn_plugin.storage.open_clip_files import (  # noqa: E402
    build_open_clip,
    load_open_clip,
)


def test_a_folder_is_loaded_with_its_configuration(tmp_path):
    model, config = load_open_clip(write_open_clip(tmp_path))
    assert config == CONFIG and not model.training


@pytest.mark.parametrize('name, message', [
    ('open_clip:ViT-B-32', 'with its weights, ARCHITECTURE/TAG'),
    ('open_clip:Nothing/openai', "knows no 'Nothing'")])
def test_other_names_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        load_open_clip(name)


def test_a_model_that_is_not_there_is_a_line(tmp_path):
    with pytest.raises(FileNotFoundError, match='cannot be had from here'):
        load_open_clip(f'open_clip:local-dir:{tmp_path}')


@pytest.mark.parametrize('odd', [
    dict(text_cfg=dict(hf_tokenizer_name='bert')), dict(custom_text=True),
    dict(multimodal_cfg=dict())])
def test_other_text_towers_are_refused(odd):
    with pytest.raises(ValueError, match="only open_clip's own text towers"):
        build_open_clip(dict(CONFIG, **odd))
