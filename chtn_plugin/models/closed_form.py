"""Base of methods that are solved once for all training rows, not trained."""
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Optional

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .cross_modal_model import Encoded
from .fitted_state import FittedState
from .supervision import class_shares
from .two_tower_model import TwoTowerModel

MODALITIES = ('image', 'text')


class ClosedFormModel(TwoTowerModel):
    """A method with a closed form, over the vectors of frozen towers.

    :class:`~chtn_plugin.engine.hooks.FitHook` passes all training rows to
    :meth:`fit` before the first iteration. What comes of it lies in buffers,
    so that the checkpoint is like any other. The stock loop then runs one
    iteration whose loss is 0: MMEngine's optimizer wants a parameter, so
    there is one, ``idle``, that nothing reads.

    Each modality is centred and scaled before all else, so that its training
    rows have mean 0 and a mean square length of 1, and regularisation means
    the same whatever the towers.

    Subclasses define :meth:`_fit` and :meth:`_encode`.

    Args:
        trunk: As in :class:`TwoTowerModel`; it stays frozen.
        text_encoder: As in :class:`TwoTowerModel`; it stays frozen.
        num_classes: As in :class:`CrossModalModel`.
        l2_normalized: Modalities whose vectors are scaled to length 1 first.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.

    Attributes:
        needs_labels: Whether some rows must have a class.

    Raises:
        ValueError: The trunk is to be trained, a modality is unknown, or a
            method that needs labels has no ``num_classes``.
    """
    free_state = ('fitted.', )
    needs_labels: ClassVar[bool] = True

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: Optional[int] = None,
                 l2_normalized: Sequence[str] = (),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, similarity,
                         data_preprocessor, init_cfg)
        if self.trunk.mode != 'frozen':
            raise ValueError(f"{type(self).__name__} needs a trunk of mode "
                             f"'frozen', got {self.trunk.mode!r}")
        if set(l2_normalized) - set(MODALITIES):
            raise ValueError(f'l2_normalized must be of {list(MODALITIES)}, '
                             f'got {list(l2_normalized)}')
        if self.needs_labels and num_classes is None:
            raise ValueError(f'{type(self).__name__} needs num_classes, the '
                             'number of classes of the training labels, got '
                             'None')
        self.l2_normalized = tuple(l2_normalized)
        self.text_encoder.requires_grad_(False)
        self.fitted = FittedState()
        self.idle = nn.Parameter(torch.zeros(()))

    @property
    def fitted_part(self) -> FittedState:
        """What :meth:`fit` fills in."""
        return self.fitted

    def fit(self, image: Tensor, text: Tensor,
            label: Optional[Tensor] = None) -> None:
        """Solve for all training rows.

        Args:
            image: Vectors of the N images, (N, D), as
                :meth:`image_features` gives them.
            text: Vectors of their texts, (N, E).
            label: Class of each row, (N,), -1 where it is unknown; or
                multi-hot (N, C), all 0 where it is. None: of no row.

        Raises:
            ValueError: There are fewer than two rows, the numbers of rows
                differ, a number is not finite, a class is out of range, or
                the method needs labels and no row has one.
        """
        raw = dict(image=image, text=text)
        if len(image) != len(text) or len(image) < 2:
            raise ValueError('a closed form needs two pairs at least, as '
                             f'many images as texts: got {len(image)} images '
                             f'and {len(text)} texts')
        rows: dict[str, np.ndarray] = {}
        state: dict[str, np.ndarray] = {}
        for name, features in raw.items():
            value = self._lengthened(name, features).double().cpu().numpy()
            if not np.isfinite(value).all():
                raise ValueError(f'{name} vectors must be finite, those of '
                                 'rows ' + str(np.flatnonzero(~np.isfinite(
                                     value).all(1))[:5].tolist())
                                 + ' are not')
            mean = value.mean(0)
            scale = np.sqrt(np.square(value - mean).sum(1).mean()) or 1.
            rows[name] = (value - mean) / scale
            state |= {f'{name}_mean': mean, f'{name}_scale': np.asarray(scale)}
        state |= self._fit(rows, self._shares(label, len(image)))
        self.fitted.keep(state)

    @abstractmethod
    def _fit(self, rows: dict[str, np.ndarray],
             shares: np.ndarray) -> dict[str, np.ndarray]:
        """Return what is kept.

        Args:
            rows: ``image`` (N, D) and ``text`` (N, E), prepared, float64.
            shares: Share of each class in each row, (N, C), 0 throughout
                where the class is unknown; (N, 0) without classes.
        """

    @abstractmethod
    def _encode(self, name: str, rows: Tensor) -> Encoded:
        """Encode prepared rows (B, D) of the modality ``name``."""

    def encode_image(self, image: Any) -> Encoded:
        """Encode prepared image vectors for comparison."""
        return self._encode_features('image', self.image_features(image))

    def encode_text(self, text: Any) -> Encoded:
        """Encode prepared text vectors for comparison."""
        return self._encode_features('text', self.text_features(text))

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Return 0, as nothing is left to be trained.

        Raises:
            ValueError: The model was not fitted.
        """
        self._check_fitted()
        return dict(loss_idle=0 * self.idle)

    def _check_fitted(self) -> None:
        if not len(self.fitted):
            raise ValueError(
                f'{type(self).__name__} must be fitted before it is used: '
                "add dict(type='FitHook') to custom_hooks and train it, or "
                'load its checkpoint')

    def _lengthened(self, name: str, features: Tensor) -> Tensor:
        features = features.float()
        return (F.normalize(features) if name in self.l2_normalized
                else features)

    def _encode_features(self, name: str, features: Tensor) -> Encoded:
        self._check_fitted()
        # In float32: half precision would solve a different problem.
        with torch.autocast(features.device.type, enabled=False):
            rows = self._lengthened(name, features)
            rows = ((rows - self.fitted[f'{name}_mean'])
                    / self.fitted[f'{name}_scale'])
            return self._encode(name, rows)

    def _shares(self, label: Optional[Tensor], size: int) -> np.ndarray:
        shares = class_shares(label, size, self.num_classes or 0)
        if self.needs_labels and not shares.any():
            raise ValueError(f'{type(self).__name__} needs rows with a '
                             f'class: none of the {size} training rows has '
                             'one')
        return shares
