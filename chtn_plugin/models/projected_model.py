"""Base of methods that train one projection a modality."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from torch import Tensor, nn

from ..checks import check_choice
from .cross_modal_model import Encoded
from .supervision import check_label, check_whole_pairs
from .two_tower_model import TwoTowerModel

REPRESENTATIONS = ('common', 'prob')


class Projection(nn.Sequential):
    """Linear → ReLU → dropout → linear, as often as there are widths.

    Args:
        in_features: Size of the input.
        widths: Sizes of the layers, the last of which is the output; no
            activation follows it.
        dropout: Share of each hidden layer that is dropped, and of the input.
        input_norm: Whether batch normalisation, without scale and shift,
            comes first.
    """

    def __init__(self, in_features: int, widths: Sequence[int],
                 dropout: float = 0., input_norm: bool = False) -> None:
        layers: list[nn.Module] = [nn.Dropout(dropout)]
        if input_norm:
            layers.insert(0, nn.BatchNorm1d(in_features, affine=False))
        size = in_features
        for place, width in enumerate(widths):
            if place:
                layers += [nn.ReLU(), nn.Dropout(dropout)]
            layers.append(nn.Linear(size, width))
            size = width
        super().__init__(*layers)
        self.out_features = size


class ProjectedModel(TwoTowerModel):
    """A projection of each modality, and a classifier that both share.

    Subclasses define :meth:`loss`.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes. None: there is no classifier.
        widths: Layers of each projection; the last is the common space.
        dropout: Share of the input and of hidden layers that is dropped.
        representation: What is compared: ``'common'``, the projection, or
            ``'prob'``, the classifier's probabilities.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
        input_norm: Whether each projection begins with batch normalisation.
            Vectors that are nowhere negative, as those of many image
            networks, are otherwise nearly parallel, and a contrast of their
            cosines may never begin to fall.

    Raises:
        ValueError: The representation is not one of those above, or it is
            ``'prob'`` without classes.
    """

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: Optional[int] = None,
                 widths: Sequence[int] = (512, 128),
                 dropout: float = .2,
                 representation: str = 'common',
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None,
                 input_norm: bool = False) -> None:
        super().__init__(trunk, text_encoder, num_classes, similarity,
                         data_preprocessor, init_cfg)
        check_choice('representation', representation, REPRESENTATIONS)
        if representation == 'prob' and num_classes is None:
            raise ValueError("representation='prob' needs num_classes, got "
                             'None')
        self.representation = representation
        self.image_projection, self.text_projection = (
            Projection(size, widths, dropout, input_norm)
            for size in (self.image_size, self.text_size))
        self.classifier: Optional[nn.Module] = None
        if num_classes is not None:
            self.classifier = nn.Linear(widths[-1], num_classes)

    def encode_image(self, image: Any) -> Encoded:
        """Project images into the common space; tap ``common``."""
        return self._encoded(self.image_projection(
            self.image_features(image)))

    def encode_text(self, text: Any) -> Encoded:
        """Project texts into the common space; tap ``common``."""
        return self._encoded(self.text_projection(self.text_features(text)))

    def _encoded(self, common: Tensor) -> Encoded:
        logits = None if self.classifier is None else self.classifier(common)
        rows = (common.float() if self.representation == 'common'
                or logits is None else logits.float().softmax(1))
        return Encoded(rows, logits, dict(common=common))

    def training_pair(self, inputs: dict[str, Any],
                      data_samples: dict[str, Any]
                      ) -> tuple[dict[str, Encoded], Optional[Tensor]]:
        """Check a batch and encode it.

        Returns:
            ``image`` and ``text`` encoded; the labels, checked, or None
            where the method has no classes and the batch no labels.

        Raises:
            ValueError: A pair is not whole, or a class is out of range.
        """
        check_whole_pairs(data_samples)
        label = data_samples.get('label')
        if label is not None and self.num_classes is not None:
            label = check_label(label, self.num_classes)
        return self.encode_pair(inputs['image'], inputs['text']), label
