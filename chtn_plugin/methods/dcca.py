"""Deep canonical correlation analysis (DCCA), from pairs without labels."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import torch
from mmengine.registry import MODELS
from torch import Tensor

from ..losses.correlation import CanonicalLoss
from ..losses.gathering import gather_rows
from ..models.canonical import directions_of_covariance
from ..models.cross_modal_model import Encoded
from ..models.projected_model import ProjectedModel


@MODELS.register_module()
class DCCA(ProjectedModel):
    """Deep CCA (https://proceedings.mlr.press/v28/andrew13.html).

    Andrew et al., ICML 2013: a network of each modality, trained so that
    their outputs correlate. The objective leaves open any linear map of the
    outputs, so linear CCA comes last, as in the paper; here it is of running
    moments of the training batches, and part of the checkpoint. A batch
    needs several times more pairs than the last width.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: None: no labels are used.
        widths: As in :class:`ProjectedModel`.
        dropout: As in :class:`ProjectedModel`. The moments see it, so that
            much of it spoils them.
        canonical: Arguments of
            :class:`~chtn_plugin.losses.correlation.CanonicalLoss`.
        power: Directions are scaled by their correlation to this power.
        momentum: Share of the newest batch in the running moments.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.

    Raises:
        ValueError: The momentum is not in (0, 1], or classes are given.
    """
    paper = 'https://proceedings.mlr.press/v28/andrew13.html'
    paper_title = 'Deep Canonical Correlation Analysis'
    moment_rows: Tensor
    moment_mean: Tensor
    moment_square: Tensor

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: None = None,
                 widths: Sequence[int] = (256, 32),
                 dropout: float = 0.,
                 canonical: Optional[dict] = None,
                 power: float = 1.,
                 momentum: float = .1,
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, None, widths, dropout,
                         'common', similarity, data_preprocessor, init_cfg)
        if not 0 < momentum <= 1:
            raise ValueError(f'momentum must be in (0, 1], got {momentum}')
        if num_classes is not None:
            raise ValueError('DCCA uses no labels: num_classes must be None, '
                             f'got {num_classes}')
        self.canonical = CanonicalLoss(**(canonical or {}))
        self.power = power
        self.momentum = momentum
        size = widths[-1]
        self.register_buffer('moment_rows', torch.zeros(()))
        self.register_buffer('moment_mean', torch.zeros(2 * size))
        self.register_buffer('moment_square', torch.eye(2 * size))
        for name in ('image', 'text'):
            self.register_buffer(f'{name}_weight', torch.eye(size))

    def encode_image(self, image: Any) -> Encoded:
        """Project images on the canonical directions; tap ``common``."""
        return self._turned('image', self.image_projection(
            self.image_features(image)))

    def encode_text(self, text: Any) -> Encoded:
        """Project texts on the canonical directions; tap ``common``."""
        return self._turned('text', self.text_projection(
            self.text_features(text)))

    def _turned(self, name: str, common: Tensor) -> Encoded:
        size = common.shape[1]
        first = 0 if name == 'image' else size
        mean = self.moment_mean[first:first + size]
        with torch.autocast(common.device.type, enabled=False):
            rows = (common.float() - mean) @ getattr(self, f'{name}_weight')
        return Encoded(rows, None, dict(common=common))

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Compute one minus the mean correlation of the batch."""
        pair, _ = self.training_pair(inputs, data_samples)
        one, other = (pair[name].taps['common'] for name in ('image', 'text'))
        if self.training:
            self._follow(one.detach(), other.detach())
        return dict(loss_canonical=self.canonical(one, other))

    @torch.no_grad()
    def _follow(self, one: Tensor, other: Tensor) -> None:
        """Update the moments and the directions that follow from them."""
        rows = torch.cat(gather_rows(one.double(), other.double()), 1)
        mean, square = rows.mean(0), rows.T @ rows / len(rows)
        # Take the first batch as it is: there is nothing to average with.
        share = self.momentum if self.moment_rows else 1.
        self.moment_rows += len(rows)
        self.moment_mean.lerp_(mean.to(self.moment_mean), share)
        self.moment_square.lerp_(square.to(self.moment_square), share)
        wide = self.moment_mean.double()
        joint = self.moment_square.double() - wide[:, None] * wide
        size = one.shape[1]
        weights = directions_of_covariance(
            joint.cpu().numpy(), (size, size), size, self.canonical.ridge,
            self.power)
        for name, weight in zip(('image', 'text'), weights, strict=True):
            buffer = getattr(self, f'{name}_weight')
            buffer.copy_(torch.from_numpy(weight.copy()))
