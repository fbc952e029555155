"""Maps to the instance part, which tells items of one class apart."""
from __future__ import annotations

import math
from typing import Any, Optional

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..losses.info_nce import info_nce

_LARGEST_SCALE = 100.
#: Texts of more dimensions are taken along their principal axes.
MAX_SIZE = 512


@MODELS.register_module()
class InstanceMaps(nn.Module):
    r"""Linear maps of images and texts to a space in which partners meet.

    A class posterior gives everything of a class one place. These maps stand
    beside it and share no layer with it: images go by :math:`u = W_i x` to
    the space of the texts, texts by :math:`v = W_t t`, and :math:`\cos(u,
    v)` says how well two fit as one thing. The similarity of the whole is

    .. math::
        (1 - a) \langle p, p' \rangle + a \cos(u, v)

    with the balance a. :meth:`fit` solves a ridge regression from images to
    texts, which starts :math:`W_i`, and starts :math:`W_t` from the identity
    (from the principal axes of texts of many dimensions); InfoNCE over the
    pairs of a batch, labelled or not, then trains both on.

    Args:
        image_size: Size of an image's vector. None: the model finds it out.
        text_size: Size of a text's vector. None: the model finds it out.
        size: Size of the common space. None: that of the text's vector, or
            512 if that is larger.
        ridge: Weight of the squared norm in the regression, where vectors
            are centred and their mean square length is 1.
        balance: The share a, in (0, 1), until validation chooses one.
        temperature: Of InfoNCE at the beginning; it is learnt.
        loss_weight: Factor on InfoNCE. 0: the maps stay as :meth:`fit`
            leaves them.

    Raises:
        ValueError: An option is out of its range.
    """
    balance: Tensor
    image_mean: Tensor
    nearby: Tensor
    text_mean: Tensor

    def __init__(self,
                 image_size: Optional[int] = None,
                 text_size: Optional[int] = None,
                 size: Optional[int] = None,
                 ridge: float = 1.0,
                 balance: float = 0.15,
                 temperature: float = 0.07,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if image_size is None or text_size is None:
            raise ValueError('image_size and text_size must be given where '
                             'no model finds them out')
        size = min(MAX_SIZE, text_size) if size is None else size
        if not 1 <= size <= text_size:
            raise ValueError('size must lie in 1 to text_size '
                             f'({text_size}), got {size}')
        if not 0 < balance < 1:
            raise ValueError('balance must lie between 0 and 1, got '
                             f'{balance}')
        for name, value in (('ridge', ridge), ('temperature', temperature)):
            if not value > 0:
                raise ValueError(f'{name} must be positive, got {value}')
        if loss_weight < 0:
            raise ValueError('loss_weight must be at least 0, got '
                             f'{loss_weight}')
        self.ridge = ridge
        self.loss_weight = loss_weight
        self.out_features = size
        self.image_map = nn.Linear(image_size, size, bias=False)
        self.text_map = nn.Linear(text_size, size, bias=False)
        nn.init.orthogonal_(self.image_map.weight)
        nn.init.eye_(self.text_map.weight)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.requires_grad_(loss_weight > 0)
        self.register_buffer('image_mean', torch.zeros(image_size))
        self.register_buffer('text_mean', torch.zeros(text_size))
        self.register_buffer('balance', torch.tensor(float(balance)))
        # Cosine that most partners of the validation data reach.
        self.register_buffer('nearby', torch.tensor(-1.))

    @torch.no_grad()
    def fit(self, image: Tensor, text: Tensor) -> None:
        """Start the maps from a ridge regression on pairs.

        Args:
            image: Vectors of N images, (N, D).
            text: Vectors of their texts, (N, E).

        Raises:
            ValueError: The numbers of rows differ or are below 2, or a
                number is not finite.
        """
        if len(image) != len(text) or len(image) < 2:
            raise ValueError('a ridge regression needs two pairs at least, '
                             'as many images as texts: got '
                             f'{len(image)} and {len(text)}')
        image, text = image.double(), text.double()
        if not (image.isfinite().all() and text.isfinite().all()):
            raise ValueError('vectors of images and texts must be finite')
        image_mean, text_mean = image.mean(0), text.mean(0)
        image, text = image - image_mean, text - text_mean
        image_scale, text_scale = (
            rows.square().sum(1).mean().sqrt().clamp(min=1e-12)
            for rows in (image, text))
        image, text = image / image_scale, text / text_scale
        size = self.out_features
        if size < text.shape[1]:
            # Eigenvectors of the covariance, the largest first.
            axes = torch.linalg.eigh(text.T @ text)[1].flip(1)[:, :size]
        else:
            axes = torch.eye(text.shape[1], dtype=text.dtype,
                             device=text.device)
        target = text @ axes
        solution = _ridge(image, target, self.ridge)
        self.image_map.weight.copy_(solution.T / image_scale)
        self.text_map.weight.copy_(axes.T / text_scale)
        self.image_mean.copy_(image_mean)
        self.text_mean.copy_(text_mean)

    def map_image(self, features: Tensor) -> Tensor:
        """Map image vectors (B, D) to unit vectors (B, size), float32."""
        return self._mapped(features - self.image_mean, self.image_map)

    def map_text(self, features: Tensor) -> Tensor:
        """Map text vectors (B, E) to unit vectors (B, size), float32."""
        return self._mapped(features - self.text_mean, self.text_map)

    def _mapped(self, features: Tensor, linear: nn.Linear) -> Tensor:
        # In float32 under autocast too: unit length needs the digits.
        with torch.autocast(features.device.type, enabled=False):
            return F.normalize(features.float() @ linear.weight.float().T)

    def loss(self, image: Any, text: Any,
             same: Optional[Tensor] = None) -> Tensor:
        """Compute the InfoNCE of a batch of pairs, times its weight.

        Args:
            image: Image vectors, (B, D). No gradient reaches them.
            text: Vectors of their texts, (B, E). Nor these.
            same: See :func:`~chtn_plugin.losses.info_nce`.
        """
        scale = self.log_scale.exp().clamp(max=_LARGEST_SCALE)
        return self.loss_weight * info_nce(
            self.map_image(image.detach()), self.map_text(text.detach()),
            scale, same)

    def joined(self, common: Tensor, mapped: Tensor) -> Tensor:
        """Join class and instance part, (B, C + size).

        Both are scaled so that the inner product of two joined rows is the
        similarity at the balance that the module holds.

        Args:
            common: Class probabilities, (B, C).
            mapped: Unit vectors, (B, size).
        """
        return torch.cat([(1 - self.balance).sqrt() * common,
                          self.balance.sqrt() * mapped], 1)


def _ridge(rows: Tensor, target: Tensor, weight: float) -> Tensor:
    """Solve in whichever of both forms is smaller, (D, E)."""
    if len(rows) < rows.shape[1]:
        gram = rows @ rows.T
        gram.diagonal().add_(weight)
        return rows.T @ torch.linalg.solve(gram, target)
    gram = rows.T @ rows
    gram.diagonal().add_(weight)
    return torch.linalg.solve(gram, rows.T @ target)
