"""Base of closed-form methods that compare class probabilities."""
from __future__ import annotations

from abc import abstractmethod

import numpy as np
from torch import Tensor

from .closed_form import ClosedFormModel
from .cross_modal_model import Encoded

#: Score of a class that no labelled row has.
ABSENT = -1e3


class ClosedFormPosterior(ClosedFormModel):
    """A classifier a modality; what is compared is its probabilities.

    Under ``similarity='dot'``, the default, two items are as similar as it
    is probable that both are of one class, which ranks better than the
    cosine of the two vectors. Rows without a class take part in the centring
    alone. A class without labelled rows is never predicted.

    Subclasses define :meth:`_fit_modality`, and :meth:`_logits` where the
    scores are not linear. The arguments are those of
    :class:`ClosedFormModel`.
    """
    similarity = 'dot'
    num_classes: int

    def _fit(self, rows: dict[str, np.ndarray],
             shares: np.ndarray) -> dict[str, np.ndarray]:
        labelled = np.any(shares, axis=1)
        present = np.any(shares, axis=0)
        state: dict[str, np.ndarray] = {}
        for name, value in rows.items():
            fitted = self._fit_modality(name, value[labelled],
                                        shares[labelled][:, present])
            state |= {f'{name}_{key}': _spread(array, key, present)
                      for key, array in fitted.items()}
        return state

    @abstractmethod
    def _fit_modality(self, name: str, rows: np.ndarray,
                      shares: np.ndarray) -> dict[str, np.ndarray]:
        """Fit the classifier of one modality.

        Args:
            name: ``'image'`` or ``'text'``.
            rows: Labelled rows, (L, D).
            shares: Share of each of the S classes that are seen, (L, S).

        Returns:
            ``weight`` (D, S) and ``bias`` (S,); a subclass with scores of its
            own adds what these read.
        """

    def _logits(self, name: str, rows: Tensor) -> Tensor:
        return (rows @ self.fitted[f'{name}_weight']
                + self.fitted[f'{name}_bias'])

    def _encode(self, name: str, rows: Tensor) -> Encoded:
        logits = self._logits(name, rows)
        return Encoded(logits.float().softmax(1), logits, dict(logits=logits))


def _spread(array: np.ndarray, key: str, present: np.ndarray) -> np.ndarray:
    """Give a result's columns to the classes that they belong to."""
    if key not in ('weight', 'bias'):
        return array
    whole = np.full((*array.shape[:-1], len(present)),
                    ABSENT if key == 'bias' else 0.)
    whole[..., present] = array
    return whole
