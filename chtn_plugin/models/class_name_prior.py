"""A prior over target classes, from class names and a source classifier."""
from __future__ import annotations

from pathlib import Path
from typing import Optional

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from ..storage.arrays import ArrayFile
from .fitted_state import FittedState

#: Twice the gain in log-likelihood that chance exceeds once in twenty, where
#: a weight is 0 or positive (half a chi-square of one degree of freedom).
_CHANCE = 2.706


@MODELS.register_module()
class ClassNamePrior(FittedState):
    r"""Offsets on class scores that the names of classes give.

    A classifier of *other* classes, the source's, says what is on a picture;
    the vectors of names say which target class that is near (ConSE, Norouzi
    et al., https://arxiv.org/abs/1312.5650):

    .. math::
        z_i(c) = \mathrm{std}\Big(\sum_k p_\mathrm{source}(k \mid i)
        \cos(e_k, e_c)\Big)

    standardised over the training rows. Where the texts are vectors of the
    encoder that reads the names, a text has :math:`z_t(c) =
    \mathrm{std}(\cos(t, e_c))` too, in which there is no source.

    The weights are found on labelled training rows, which neither score has
    seen: each is what makes their classes likeliest under the score alone, at
    most the number given here, and 0 unless the gain exceeds what chance
    gives once in twenty. So a source that shares nothing with the target
    costs nothing.

    Offsets stay in the model when it is used: they are state, and its file is
    read by :meth:`fit` alone.

    Args:
        file: An ``.npz`` with ``source_weight`` (K, D) and ``source_bias``
            (K,), the classifier; ``source_names`` (K, E) and
            ``target_names`` (C, E), vectors of the names, the target's in
            label order. tools/make_class_prior.py writes it. None: a
            checkpoint brings what was fitted.
        weight: Largest weight of the pictures' offset.
        text_weight: Largest weight of the texts'. 0: texts have none, as
            where their vectors are of another encoder than the names.
        scale: What a picture's vector is multiplied by for the classifier:
            vectors of length 1 need the length that it was trained with
            (about 19 for EfficientNet-Lite0).
        learned: Whether the weights are found on labelled rows. False: they
            are the largest, as where no row has a label yet.

    Raises:
        ValueError: A weight is negative, or the scale not positive.
    """

    def __init__(self,
                 file: Optional[str] = None,
                 weight: float = 0.5,
                 text_weight: float = 0.0,
                 scale: float = 1.0,
                 learned: bool = True) -> None:
        super().__init__()
        for name, value in (('weight', weight), ('text_weight', text_weight)):
            if value < 0:
                raise ValueError(f'{name} must be at least 0, got {value}')
        if not scale > 0:
            raise ValueError(f'scale must be positive, got {scale}')
        self.file = file
        self.weight = weight
        self.text_weight = text_weight
        self.scale = scale
        self.learned = learned

    def fit(self, image: Tensor, text: Tensor, label: Tensor,
            num_classes: int) -> None:
        """Read the file, standardise the scores, find the weights.

        Args:
            image: Vectors of N training images, (N, D), labelled or not.
            text: Vectors of their texts, (N, E).
            label: Their classes, (N,); -1 where unknown.
            num_classes: Number C of classes.

        Raises:
            FileNotFoundError: There is no such file.
            KeyError: An array is missing.
            ValueError: There is no file to read, its arrays do not fit the
                vectors, or the data have several classes a pair.
        """
        if self.file is None:
            raise ValueError('a class-name prior is fitted from a file: give '
                             "file='...'")
        if label.dim() != 1:
            raise ValueError('a class-name prior needs one class a pair: '
                             'these data have several')
        arrays = read_class_prior(self.file)
        self._check(arrays, image.shape[1], text.shape[1], num_classes)
        names = _unit(arrays['target_names'])
        kept = dict(
            source_weight=self.scale * arrays['source_weight'],
            source_bias=arrays['source_bias'],
            likeness=_unit(arrays['source_names']) @ names.T)
        if self.text_weight:
            kept['names'] = names
        self.keep(kept)
        known = label >= 0
        for part, rows, largest in (('image', image, self.weight),
                                    ('text', text, self.text_weight)):
            if part == 'text' and not largest:
                continue
            raw = self._raw(part, rows.float())
            mean, spread = raw.mean(0), raw.std().clamp(min=1e-12)
            score = ((raw - mean) / spread)[known]
            kept |= {f'{part}_mean': mean.numpy(),
                     f'{part}_factor': np.array(
                         [(likely_weight(score, label[known], largest)
                           if self.learned else largest) / float(spread)])}
        self.keep(kept)

    def offset(self, part: str, rows: Tensor) -> Tensor | float:
        """Compute offsets of class scores, (B, C) float32; 0 without one.

        Args:
            part: ``'image'`` or ``'text'``.
            rows: Their vectors, (B, D). No gradient reaches them.

        Raises:
            ValueError: The prior has not been fitted.
        """
        if not len(self):
            raise ValueError('a class-name prior must be fitted before it is '
                             "used: custom_hooks needs dict(type='FitHook')")
        if f'{part}_mean' not in self:
            return 0.
        with torch.autocast(rows.device.type, enabled=False):
            raw = self._raw(part, rows.detach().float())
            return self[f'{part}_factor'] * (raw - self[f'{part}_mean'])

    def weights(self) -> dict[str, float]:
        """Return the spread of each part's offsets, in scores."""
        return {part: float(self[f'{part}_factor']) for part in
                ('image', 'text') if f'{part}_factor' in self}

    def _raw(self, part: str, rows: Tensor) -> Tensor:
        if part == 'text':
            return F.normalize(rows) @ self['names'].T
        scores = rows @ self['source_weight'].T + self['source_bias']
        return scores.softmax(1) @ self['likeness']

    def _check(self, arrays: dict[str, np.ndarray], image_size: int,
               text_size: int, num_classes: int) -> None:
        sources, size = arrays['source_weight'].shape
        if size != image_size:
            raise ValueError(
                "the source classifier must take the pictures' vectors: "
                f'{self.file} takes {size} numbers, a picture has '
                f'{image_size}')
        if len(arrays['source_bias']) != sources or (
                len(arrays['source_names']) != sources):
            raise ValueError(
                'source_weight, source_bias and source_names must have a row '
                f'a source class: {self.file} has {sources}, '
                f'{len(arrays["source_bias"])} and '
                f'{len(arrays["source_names"])}')
        targets, vector = arrays['target_names'].shape
        if targets != num_classes:
            raise ValueError('target_names must have a row a class: '
                             f'{self.file} has {targets}, the data have '
                             f'{num_classes} classes')
        if self.text_weight and vector != text_size:
            raise ValueError(
                'with text_weight, texts and names must be vectors of one '
                f'encoder: a text has {text_size} numbers, a name in '
                f'{self.file} has {vector}')


def likely_weight(score: Tensor, label: Tensor, largest: float) -> float:
    r"""Find the weight under which a score makes labels likeliest, or 0.

    Args:
        score: (L, C).
        label: Classes of the L rows, which the score has not seen.
        largest: The weight is at most that.

    Returns:
        The maximum over w in [0, largest] of :math:`\sum_l \log
        \mathrm{softmax}(w\, z_l)(y_l)`; 0 where the gain over w = 0 is within
        chance (one in twenty).
    """
    if not len(label) or not largest:
        return 0.
    candidates = torch.linspace(0, largest, 51, dtype=torch.float64)
    likelihood = torch.stack([
        -F.cross_entropy(weight * score.double(), label, reduction='sum')
        for weight in candidates])
    best = int(likelihood.argmax())
    gain = 2 * float(likelihood[best] - likelihood[0])
    return float(candidates[best]) if gain > _CHANCE else 0.


def read_class_prior(file: str | Path) -> dict[str, np.ndarray]:
    """Read the four arrays of a class-name prior, float32.

    Raises:
        FileNotFoundError: There is no such file.
        KeyError: An array is missing.
        ValueError: An array is no finite table of numbers.
    """
    arrays = ArrayFile(file, 'class prior',
                       'tools/make_class_prior.py makes one')
    wanted = ('source_weight', 'source_bias', 'source_names', 'target_names')
    missing = [name for name in wanted if name not in arrays]
    if missing:
        raise KeyError(f'arrays not found in {file}: {missing}')
    values = {name: arrays.numbers(name).astype(np.float32)
              for name in wanted}
    for name, value in values.items():
        if value.ndim != (1 if name == 'source_bias' else 2) or (
                not np.isfinite(value).all()):
            raise ValueError(f'{name} must be a finite table of numbers: '
                             f'{file} has {value.shape}')
    return values


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True),
                             1e-12)
