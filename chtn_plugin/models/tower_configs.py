"""Describe pretrained towers as a configuration of ``AlignedTowers``."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from ..storage.hf_files import hf_file, hf_place, not_to_be_had
from ..storage.open_clip_files import SCHEME, load_open_clip, pixels_of
from ..storage.sentence_files import is_sentence_model, read_sentence_folder

#: Kinds of interpolation as Pillow numbers them.
_INTERPOLATIONS = {0: 'nearest', 2: 'bilinear', 3: 'bicubic', 4: 'box',
                   5: 'hamming', 1: 'lanczos'}
# Beyond this a tokenizer only says that it has no limit.
_NO_LIMIT = 100_000


@dataclass(frozen=True)
class TowerConfigs:
    """What pretrained towers are, in a configuration's words.

    Attributes:
        model: Config of :class:`AlignedTowers`.
        pipeline: Image transforms. None: there is no image tower.
        text: Config of the text transform. None: there is no text tower.
    """
    model: dict[str, Any]
    pipeline: Optional[list[dict[str, Any]]]
    text: Optional[dict[str, Any]]


def tower_configs(name: str, prompt: Optional[str] = None) -> TowerConfigs:
    """Find out what a model's files say of it.

    Args:
        name: A folder, or a name on the Hugging Face hub: a dual encoder of
            transformers (CLIP, SigLIP, …) or a model of
            sentence-transformers. Or ``'open_clip:NAME'``, see
            :func:`~chtn_plugin.storage.open_clip_files.load_open_clip`.
        prompt: Name of a prompt of sentence-transformers. None: its default.

    Raises:
        FileNotFoundError: It cannot be had.
        KeyError: There is no such prompt.
        ValueError: It is of neither kind, or does not say how its pictures
            are prepared.
    """
    if name.startswith(SCHEME):
        if prompt is not None:
            raise ValueError(f'{name!r} has no prompts, got {prompt!r}')
        return _open_clip(name)
    inside = f'{name}/0_CLIPModel'
    if Path(inside).is_dir():
        # How sentence-transformers stores CLIP.
        name = inside
    if _is_dual(name):
        if prompt is not None:
            raise ValueError(f'{name!r} has no prompts, got {prompt!r}')
        return _dual(name)
    if not is_sentence_model(name):
        raise ValueError(
            f'{name!r} must be a dual encoder (CLIP, SigLIP, …) or a model '
            'of sentence-transformers, with a modules.json: others share no '
            'space of pictures and texts before they are trained')
    return _sentences(name, prompt)


def _is_dual(name: str) -> bool:
    from transformers import AutoConfig
    if hf_file(name, 'config.json') is None:
        return False
    try:
        config = AutoConfig.from_pretrained(hf_place(name))
    except OSError as error:
        raise not_to_be_had(name) from error
    except ValueError as error:
        raise ValueError(f'{name!r} must be a model that transformers knows: '
                         f'{str(error).splitlines()[0]}') from error
    return hasattr(config, 'vision_config') and hasattr(config, 'text_config')


def _dual(name: str) -> TowerConfigs:
    from transformers import AutoConfig
    config = AutoConfig.from_pretrained(hf_place(name))
    pipeline, size, mean, std = _pixels(name)
    text = dict(type='HFTokens', model=name,
                max_length=config.text_config.max_position_embeddings)
    if config.model_type.startswith('siglip'):
        # Its text tower reads the padding, and pools at the last place.
        text['masked'] = False
    return TowerConfigs(
        dict(type='AlignedTowers',
             trunk=dict(backbone=dict(type='HFVisionBackbone', model=name,
                                      output='projection'),
                        input_shape=(3, size[1], size[0])),
             text_encoder=dict(type='HFTextEncoder', model=name,
                               pooling='projection', frozen=True),
             data_preprocessor=dict(type='CrossModalDataPreprocessor',
                                    mean=mean, std=std)),
        pipeline, text)


def _open_clip(name: str) -> TowerConfigs:
    model, config = load_open_clip(name)
    said = pixels_of(model)
    size = said['size']
    height, width = (size, size) if isinstance(size, int) else size
    how = dict(backend='pillow', interpolation=said['interpolation'])
    mode = said.get('resize_mode', 'shortest')
    if mode == 'squash' or (mode == 'shortest' and height != width):
        steps = [dict(type='mmpretrain.Resize', scale=(width, height), **how)]
    elif mode == 'shortest':
        steps = [dict(type='mmpretrain.ResizeEdge', scale=width, **how),
                 dict(type='mmpretrain.CenterCrop',
                      crop_size=(height, width))]
    else:
        raise ValueError(f'{name!r} resizes pictures by {mode!r}, which this '
                         'package cannot do')
    return TowerConfigs(
        dict(type='AlignedTowers',
             trunk=dict(backbone=dict(type='OpenCLIPVision', model=name),
                        input_shape=(3, height, width)),
             text_encoder=dict(type='OpenCLIPText', model=name),
             data_preprocessor=dict(
                 type='CrossModalDataPreprocessor',
                 mean=[255 * value for value in said['mean']],
                 std=[255 * value for value in said['std']])),
        [dict(type='LoadRGBImage'), *steps],
        dict(type='OpenCLIPTokens',
             context_length=config['text_cfg'].get('context_length', 77)))


def _sentences(name: str, prompt: Optional[str]) -> TowerConfigs:
    from transformers import AutoTokenizer
    folder = read_sentence_folder(name)
    tokenizer = AutoTokenizer.from_pretrained(hf_place(folder.transformer))
    length = folder.max_length or tokenizer.model_max_length
    if length > _NO_LIMIT:
        raise ValueError(f'{name!r} must say how long a text may be: '
                         'max_seq_length of sentence_bert_config.json')
    text: dict[str, Any] = dict(type='HFTokens', model=folder.transformer,
                                max_length=length)
    if said := folder.prompt(prompt):
        text['prompt'] = said
    if folder.lower:
        text['lower'] = True
    return TowerConfigs(
        dict(type='AlignedTowers',
             text_encoder=dict(type='SentenceEncoder', model=name)),
        None, text)


def _pixels(name: str) -> tuple[list[dict[str, Any]], tuple[int, int],
                                list[float], list[float]]:
    """Transforms, (width, height), mean and std of pixels 0 to 255.

    They give the pixels of the model's own processor, but where an odd margin
    is cropped: mmpretrain's CenterCrop then lies one pixel further.
    """
    stored = _image_processor(name)
    lacking = [key for key in ('size', 'image_mean', 'image_std')
               if key not in stored]
    if lacking:
        raise ValueError(f'{name!r} must say how its pictures are prepared: '
                         'preprocessor_config.json lacks '
                         + ', '.join(lacking))
    resample = stored.get('resample', 3)
    how = dict(backend='pillow',
               interpolation=_INTERPOLATIONS.get(resample, 'bicubic'))
    pipeline: list[dict[str, Any]] = [dict(type='LoadRGBImage')]
    size, edge = _size(stored['size'])
    if stored.get('do_resize', True):
        pipeline.append(
            dict(type='mmpretrain.ResizeEdge', scale=edge, **how)
            if edge is not None else
            dict(type='mmpretrain.Resize', scale=size, **how))
    if stored.get('do_center_crop', edge is not None):
        size, square = _size(stored.get('crop_size', stored['size']))
        size = size if square is None else (square, square)
        pipeline.append(dict(type='mmpretrain.CenterCrop',
                             crop_size=(size[1], size[0])))
    # The stored numbers hold for pixels times rescale_factor.
    scale = 1 / stored.get('rescale_factor', 1 / 255)
    mean, std = ([value * scale for value in stored[f'image_{key}']]
                 for key in ('mean', 'std'))
    return pipeline, size, mean, std


def _image_processor(name: str) -> Mapping[str, Any]:
    for file in ('preprocessor_config.json', 'processor_config.json'):
        path = hf_file(name, file)
        if path is not None:
            stored = json.loads(Path(path).read_text(encoding='utf-8'))
            stored = stored.get('image_processor', stored)
            if 'image_mean' in stored:
                return stored
    raise ValueError(f'{name!r} must say how its pictures are prepared: there '
                     'is no preprocessor_config.json')


def _size(said: Any) -> tuple[tuple[int, int], Optional[int]]:
    """(width, height), and the shorter side where that alone is said."""
    if isinstance(said, Mapping) and 'height' in said:
        return (int(said['width']), int(said['height'])), None
    edge = int(said['shortest_edge'] if isinstance(said, Mapping) else said)
    return (edge, edge), edge
