"""Read what a folder of sentence-transformers says of its model."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from torch import Tensor

from .hf_files import hf_file, hf_place
from .torch_files import read_torch_file

_POOLINGS = {
    'pooling_mode_cls_token': 'cls', 'pooling_mode_max_tokens': 'max',
    'pooling_mode_mean_tokens': 'mean',
    'pooling_mode_mean_sqrt_len_tokens': 'mean_sqrt_len_tokens',
    'pooling_mode_weightedmean_tokens': 'weightedmean',
    'pooling_mode_lasttoken': 'lasttoken'}


@dataclass(frozen=True)
class SentenceFolder:
    """A model of sentence-transformers, in plain values.

    Attributes:
        transformer: Place of the transformers model.
        steps: What follows it, in order; each has a ``type``.
        weights: Tensors of each step by name; none for most.
        max_length: Tokens of a text that are kept. None: it does not say.
        lower: Whether texts are written in small letters first.
        prompts: Texts put before a text, by name.
        default_prompt: Name of the one that is used unasked.
    """
    transformer: str
    steps: list[dict[str, Any]]
    weights: list[dict[str, Tensor]]
    max_length: Optional[int]
    lower: bool
    prompts: Mapping[str, str]
    default_prompt: Optional[str]

    def prompt(self, name: Optional[str] = None) -> str:
        """Return a prompt's text; without a name the default's.

        Raises:
            KeyError: There is no prompt of that name.
        """
        name = name or self.default_prompt
        if name is None:
            return ''
        if name not in self.prompts:
            raise KeyError(f'a prompt must be one of {list(self.prompts)}, '
                           f'got {name!r}')
        return self.prompts[name]


def is_sentence_model(model: str) -> bool:
    """Whether a folder, or a model on the hub, is of that kind.

    Raises:
        FileNotFoundError: It is neither folder nor model on the hub.
    """
    return hf_file(model, 'modules.json') is not None


def read_sentence_folder(model: str) -> SentenceFolder:
    """Read the small files of a model, and weights beside its transformer.

    Args:
        model: Local folder, name on the Hugging Face hub, or ``'pip:'`` and a
            package.

    Raises:
        FileNotFoundError: It, or a file that it lists, cannot be had.
        ValueError: It lists a module that this package does not know.
    """
    listed = _json(model, 'modules.json')
    if listed is None:
        raise FileNotFoundError(f'a folder of sentence-transformers must have'
                                f' modules.json: {model!r} has none')
    kinds = [str(entry['type']).rpartition('.')[2] for entry in listed]
    if not kinds or kinds[0] != 'Transformer':
        raise ValueError('a model of sentence-transformers must begin with '
                         f'a Transformer: {model!r} has {kinds}')
    steps: list[dict[str, Any]] = []
    weights: list[dict[str, Tensor]] = []
    for kind, entry in zip(kinds[1:], listed[1:], strict=True):
        if kind == 'Dropout':
            continue  # in evaluation it does nothing
        read = dict(Pooling=_pooling, Dense=_dense, LayerNorm=_norm,
                    Normalize=_normalize).get(kind)
        if read is None:
            raise ValueError(
                'modules of sentence-transformers must be Transformer, '
                'Pooling, Dense, LayerNorm, Dropout or Normalize: '
                f'{model!r} has {kind}')
        config = _json(model, f'{entry["path"]}/config.json') or {}
        steps.append(read(config, model))
        weights.append(_weights(model, entry['path'])
                       if kind in ('Dense', 'LayerNorm') else {})
    inside = listed[0]['path']
    said: dict[str, Any] = {}
    for name in ('sentence_bert_config.json', 'sentence_roberta_config.json'):
        said = said or _json(model, _joined(inside, name)) or {}
    prompts = _json(model, 'config_sentence_transformers.json') or {}
    return SentenceFolder(
        _transformer(model, inside), steps, weights,
        said.get('max_seq_length'), bool(said.get('do_lower_case')),
        prompts.get('prompts') or {}, prompts.get('default_prompt_name'))


def _joined(folder: str, name: str) -> str:
    return f'{folder}/{name}' if folder else name


def _transformer(model: str, inside: str) -> str:
    if not inside:
        return model
    place = Path(hf_place(model)) / inside
    if not place.is_dir():
        raise ValueError(
            f'the transformer of {model!r} lies in its folder {inside}: '
            f'fetch it whole, `hf download {model} --local-dir DIR`, and '
            'name DIR')
    return str(place)


def _json(model: str, name: str) -> Any:
    path = hf_file(model, name)
    return (None if path is None else
            json.loads(Path(path).read_text(encoding='utf-8')))


def _pooling(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    names: Sequence[str] | str = config.get('pooling_mode') or [
        name for key, name in _POOLINGS.items() if config.get(key)]
    if not config.get('include_prompt', True):
        raise ValueError(f'{model!r} leaves its prompt out of the pooling, '
                         'which this package cannot do')
    return dict(type='Pooling', poolings=[names] if isinstance(
        names, str) else list(names or ['mean']))


def _dense(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    for key in ('module_input_name', 'module_output_name'):
        if config.get(key) not in (None, 'sentence_embedding'):
            raise ValueError('a dense layer must work on the vector of a '
                             f'text: that of {model!r} on {config[key]!r}')
    activation = config.get('activation_function', 'Tanh') or 'Identity'
    return dict(type='Dense', in_features=config['in_features'],
                out_features=config['out_features'],
                bias=config.get('bias', True),
                activation=str(activation).rpartition('.')[2],
                residual=bool(config.get('use_residual', False)))


def _norm(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    return dict(type='LayerNorm')


def _normalize(config: Mapping[str, Any], model: str) -> dict[str, Any]:
    return dict(type='Normalize')


def _weights(model: str, folder: str) -> dict[str, Tensor]:
    path = hf_file(model, f'{folder}/model.safetensors')
    if path is not None:
        from safetensors.torch import load_file
        return load_file(path)
    path = hf_file(model, f'{folder}/pytorch_model.bin')
    if path is None:
        raise FileNotFoundError(f'{model!r} lacks the weights of {folder}: '
                                'model.safetensors or pytorch_model.bin')
    return read_torch_file(str(path))
