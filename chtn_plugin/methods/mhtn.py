"""MHTN: modal-adversarial hybrid transfer, for images and texts."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..losses.pairwise import PairwiseLoss
from ..models.cross_modal_model import Encoded
from ..models.gradient_reversal import GradientReversal
from ..models.pathways import Pathway, linear
from ..models.supervision import check_label, check_whole_pairs, supervise
from ..models.two_tower_model import TwoTowerModel


@MODELS.register_module()
class MHTN(TwoTowerModel):
    """MHTN (https://arxiv.org/abs/1708.04308), of two of its five media.

    Huang et al., "MHTN: modal-adversarial hybrid transfer network for
    cross-modal retrieval": pathways fc6 and fc7 of each medium, drawn
    together by the pair loss; fc8 and fc9 shared, with batch normalisation;
    an adversary on fc9 before that tells the media apart behind a gradient
    reversal. Left out are the three other media and the labelled source
    images, whose MMD the image pathway has in the paper. The released
    settings do not reverse under the public layer; here the gradient is
    turned round, with λ of at most 1. The common representation is the
    classes' probabilities.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of classes.
        widths: Sizes of fc6 and fc7, and of fc8 and fc9.
        dropout: Share of fc6 that is dropped.
        pair_weight: Weight of the pair loss at fc6 and at fc7; as released,
            1e-4.
        reversal: Strength λ of the gradient reversal, in (0, 1].
        adversary_weight: Weight of the adversary; as released, .1.
        adversary_widths: Sizes of its two hidden layers; released: 1024.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.
    """
    paper = 'https://arxiv.org/abs/1708.04308'
    paper_title = ('MHTN: Modal-adversarial Hybrid Transfer Network for '
                   'Cross-modal Retrieval')
    similarity = 'dot'
    training_only = ('adversary.', )
    num_classes: int

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 widths: Sequence[int] = (512, 512),
                 dropout: float = .5,
                 pair_weight: float = 1e-4,
                 reversal: float = 1.,
                 adversary_weight: float = .1,
                 adversary_widths: Sequence[int] = (1024, 1024),
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, similarity,
                         data_preprocessor, init_cfg)
        if len(widths) != 2 or len(adversary_widths) != 2:
            raise ValueError('widths and adversary_widths must be two sizes '
                             f'each, got {list(widths)} and '
                             f'{list(adversary_widths)}')
        self.image_pathway = Pathway(self.image_size, widths, dropout=dropout)
        self.text_pathway = Pathway(self.text_size, widths, dropout=dropout)
        self.fc8 = linear(widths[1], widths[0])
        self.norm_fc8 = nn.BatchNorm1d(widths[0])
        self.fc9 = linear(widths[0], widths[1])
        self.norm_fc9 = nn.BatchNorm1d(widths[1])
        self.fc10 = linear(widths[1], num_classes)
        self.pair = PairwiseLoss(pair_weight)
        first, second = adversary_widths
        self.adversary = nn.Sequential(
            GradientReversal(reversal), linear(widths[1], first), nn.ReLU(),
            linear(first, second), nn.ReLU(), linear(second, 1))
        self.adversary_weight = adversary_weight

    def encode_image(self, image: Any) -> Encoded:
        """Encode images as class probabilities; taps ``fc6`` to ``fc10``."""
        return self._encoded(self.image_pathway(self.image_features(image)))

    def encode_text(self, text: Any) -> Encoded:
        """Encode texts as class probabilities; taps ``fc6`` to ``fc10``."""
        return self._encoded(self.text_pathway(self.text_features(text)))

    def encode_pair(self, image: Any, text: Any) -> dict[str, Encoded]:
        """Encode both media, which share the statistics of fc8 and fc9."""
        taps = dict(
            image=self.image_pathway(self.image_features(image)),
            text=self.text_pathway(self.text_features(text)))
        sizes = [len(each['fc7']) for each in taps.values()]
        both = self._encoded({name: torch.cat(
            [each[name] for each in taps.values()]) for name in (
                'fc6', 'fc7')})
        parts = {name: value.split(sizes) for name, value
                 in both.taps.items()}
        return {name: Encoded(both.repr.split(sizes)[place],
                              parts['fc10'][place],
                              {tap: part[place] for tap, part
                               in parts.items()})
                for place, name in enumerate(taps)}

    def _encoded(self, taps: dict[str, Tensor]) -> Encoded:
        fc8 = F.relu(self.norm_fc8(self.fc8(taps['fc7'])))
        plain = self.fc9(fc8)
        fc9 = F.relu(self.norm_fc9(plain))
        logits = self.fc10(fc9)
        return Encoded(logits.float().softmax(1), logits, dict(
            taps, fc8=fc8, fc9_plain=plain, fc9=fc9, fc10=logits))

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Compute cross entropies, pair losses and the adversary's loss."""
        label = check_label(data_samples['label'], self.num_classes)
        check_whole_pairs(data_samples)
        pair = self.encode_pair(inputs['image'], inputs['text'])
        one, other = pair['image'].taps, pair['text'].taps
        terms: dict[str, Tensor] = {}
        for name, taps in (('image', one), ('text', other)):
            supervise(terms, name, taps['fc10'], label)
        for tap in ('fc6', 'fc7'):
            terms[f'loss_pair_{tap}'] = self.pair(one[tap], other[tap])
        guess = self.adversary(torch.cat(
            [one['fc9_plain'], other['fc9_plain']]))[:, 0].float()
        is_text = torch.arange(len(guess), device=guess.device) >= len(label)
        terms['loss_adversary'] = (
            self.adversary_weight * F.binary_cross_entropy_with_logits(
                guess, is_text.float()))
        terms['accuracy_adversary'] = ((guess > 0) == is_text).float().mean()
        return terms
