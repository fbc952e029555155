"""Encode texts as a folder of sentence-transformers says."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from ...checks import check_choice
from ...storage.hf_files import architecture_of, load_hf_model
from ...storage.sentence_files import read_sentence_folder
from ..text_inputs import check_text, shortened

#: In the order in which several are joined.
POOLINGS = ('cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean',
            'lasttoken')
_ACTIVATIONS = {'Tanh': nn.Tanh, 'Identity': nn.Identity, 'ReLU': nn.ReLU,
                'GELU': nn.GELU, 'Sigmoid': nn.Sigmoid}


@MODELS.register_module()
class SentenceEncoder(nn.Module):
    """A model of sentence-transformers: tokens, pooling, and what follows.

    What its ``modules.json`` lists is done in that order: one transformer,
    one pooling (of several kinds, joined), dense layers, layer
    normalisation, scaling to length 1. Its input comes from the text
    transform ``HFTokens``. The weights stay as they are.

    Args:
        model: Local folder, name on the Hugging Face hub, or ``'pip:'`` and a
            package of :mod:`~chtn_plugin.storage.pip_weights`.
        architecture: What an encoder of that folder has as ``architecture``;
            the weights are then random or a checkpoint's.

    Attributes:
        out_features: Size of a text's vector.
        architecture: Plain values that rebuild it without the folder.

    Raises:
        FileNotFoundError: The folder, or a file in it, cannot be had.
        ValueError: It lists a module that is none of the above, or neither
            a model nor an architecture is given.
    """

    def __init__(self, model: Optional[str] = None,
                 architecture: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__()
        weights: Sequence[Mapping[str, Tensor]] = ()
        if architecture is not None:
            steps = [dict(step) for step in architecture['steps']]
            self.model = load_hf_model(None, architecture['transformer'],
                                       'text')
        elif model is not None:
            folder = read_sentence_folder(model)
            steps, weights = folder.steps, folder.weights
            self.model = load_hf_model(folder.transformer, None, 'text')
        else:
            raise ValueError('a model (folder or name) or its architecture '
                             'must be given')
        size = self.model.config.hidden_size
        self.poolings: tuple[str, ...] = ()
        layers: list[nn.Module] = []
        for place, step in enumerate(steps):
            if step['type'] == 'Pooling':
                self.poolings = tuple(step['poolings'])
                for name in self.poolings:
                    check_choice('pooling', name, POOLINGS)
                size *= len(self.poolings)
                continue
            layer, size = _layer(step, size)
            if weights and weights[place]:
                layer.load_state_dict(dict(weights[place]))
            layers.append(layer)
        if not self.poolings:
            raise ValueError('a sentence encoder must pool its tokens: there '
                             f'is no Pooling among {steps}')
        self.layers = nn.Sequential(*layers)
        self.out_features = size
        self.architecture = dict(transformer=architecture_of(self.model),
                                 steps=steps)
        self.requires_grad_(False)
        self.model.eval()

    def train(self, mode: bool = True) -> SentenceEncoder:
        """Stay in evaluation mode: the weights are frozen."""
        return super().train(False)

    def forward(self, text: Mapping[str, Tensor]) -> Tensor:
        """Encode tokens as vectors.

        Args:
            text: ``input_ids`` (B, L) and ``attention_mask`` (B, L).

        Returns:
            (B, out_features).

        Raises:
            ValueError: These are no tokens.
        """
        check_text(text, 'tokens')
        tensors, _ = shortened(text)
        ids = tensors['input_ids']
        mask = tensors.get('attention_mask', torch.ones_like(ids))
        states = self.model(input_ids=ids,
                            attention_mask=mask).last_hidden_state
        return self.layers(torch.cat([
            _pooled(states, mask, name) for name in self.poolings], 1))


class _Dense(nn.Module):
    """A linear layer, what follows it, and perhaps its input beside it."""

    def __init__(self, in_features: int, out_features: int, bias: bool,
                 activation: str, residual: bool) -> None:
        super().__init__()
        check_choice('activation of a dense layer', activation, _ACTIVATIONS)
        self.linear = nn.Linear(in_features, out_features, bias=bias)
        self.activation = _ACTIVATIONS[activation]()
        self.residual: Optional[nn.Module] = None
        if residual:
            self.residual = (nn.Identity() if in_features == out_features
                             else nn.Linear(in_features, out_features,
                                            bias=False))

    def forward(self, vectors: Tensor) -> Tensor:
        out = self.activation(self.linear(vectors))
        return out if self.residual is None else out + self.residual(vectors)


class _Norm(nn.Module):
    """Layer normalisation, under the name that its weights have."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)

    def forward(self, vectors: Tensor) -> Tensor:
        return self.norm(vectors)


class _UnitLength(nn.Module):

    def forward(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors)


def _layer(step: Mapping[str, Any], size: int) -> tuple[nn.Module, int]:
    kind = step['type']
    if kind == 'Dense':
        return _Dense(step['in_features'], step['out_features'],
                      step['bias'], step['activation'], step['residual']
                      ), step['out_features']
    if kind == 'LayerNorm':
        return _Norm(size), size
    check_choice('type of a step', kind, ('Pooling', 'Dense', 'LayerNorm',
                                          'Normalize'))
    return _UnitLength(), size


def _pooled(states: Tensor, mask: Tensor, name: str) -> Tensor:
    """Pool the states (B, L, D) of tokens, padded on either side."""
    share = mask.to(states.dtype)[..., None]
    if name == 'cls':
        # The first token that is no padding, wherever padding stands.
        return _at(states, mask.argmax(1))
    if name == 'max':
        return states.masked_fill(share == 0, -1e9).amax(1)
    if name == 'lasttoken':
        places = torch.arange(mask.shape[1], device=mask.device)
        return _at(states, (mask * places).argmax(1))
    if name == 'weightedmean':
        share = share * mask.cumsum(1).to(states.dtype)[..., None]
    total = share.sum(1).clamp(min=1e-9)
    summed = (states * share).sum(1)
    return summed / (total.sqrt() if name == 'mean_sqrt_len_tokens'
                     else total)


def _at(states: Tensor, place: Tensor) -> Tensor:
    return states[torch.arange(len(states), device=states.device), place]
