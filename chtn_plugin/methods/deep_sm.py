"""Deep semantic matching: a classifier network for each modality."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from mmengine.registry import MODELS
from torch import Tensor

from ..models.projected_model import ProjectedModel
from ..models.supervision import supervise_pair


@MODELS.register_module()
class DeepSM(ProjectedModel):
    """Deep-SM (https://doi.org/10.1109/TCYB.2016.2519449).

    Wei et al., "Cross-modal retrieval with CNN visual features: a new
    baseline", IEEE Transactions on Cybernetics 2017: a network of each
    modality is trained to tell the classes; what is compared is their
    probabilities. Here the last layer is shared, and the dot product is the
    default: it ranks better than the paper's cosine (docs/methods.md).

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes.
        widths: As in :class:`ProjectedModel`.
        dropout: As in :class:`ProjectedModel`.
        representation: As in :class:`ProjectedModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
        input_norm: As in :class:`ProjectedModel`.
    """
    paper = 'https://doi.org/10.1109/TCYB.2016.2519449'
    paper_title = ('Cross-Modal Retrieval With CNN Visual Features: A New '
                   'Baseline')
    similarity = 'dot'

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 widths: Sequence[int] = (512, 128),
                 dropout: float = .2,
                 representation: str = 'prob',
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None,
                 input_norm: bool = False) -> None:
        super().__init__(trunk, text_encoder, num_classes, widths, dropout,
                         representation, similarity, data_preprocessor,
                         init_cfg, input_norm)

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Compute the cross entropy of each modality."""
        pair, label = self.training_pair(inputs, data_samples)
        terms: dict[str, Tensor] = {}
        supervise_pair(terms, pair, label)
        return terms
