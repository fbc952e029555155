"""DCKT: deep cross-media knowledge transfer."""
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..losses.mmd import MMDLoss
from ..losses.pairwise import PairwiseLoss
from ..models.cross_modal_model import Encoded
from ..models.pathways import Pathway, linear
from ..models.supervision import check_label, check_whole_pairs, supervise
from ..models.two_tower_model import TwoTowerModel

_MEDIA = ('image', 'text')


@MODELS.register_module()
class DCKT(TwoTowerModel):
    """DCKT (CVPR 2018, https://arxiv.org/abs/1803.03777).

    Huang and Peng, "Deep cross-media knowledge transfer": a large collection
    of *pairs*, the source domain, transfers to a small one, the target. Each
    domain has pathways fc6 and fc7 of both media and, shared by its media,
    fc8, fc9 (with batch normalisation) and fc10. MMD draws the domains
    together, medium by medium at fc6 and fc7, and of both media at once at
    fc8 and fc9; the pair loss draws the media together in both domains.
    Target pairs come into training in order of ascending difficulty: see
    :func:`chance_of_selection`. The common representation is the target
    classes' probabilities.

    Weights are those of the authors' release. Departures: both domains start
    from random weights (the release trains each alone first); difficulty is
    measured within the batch at each update (the release ranks the whole
    training set once a round); and features are brought to zero mean and unit
    variance only where the text encoder does so.

    Batches hold ``source_image``, ``source_text`` and ``source_label`` as
    :class:`~chtn_plugin.datasets.HybridTransferDataset` makes them of a
    source of pairs. Without them the target is trained alone, and said to be.

    Args:
        trunk: As in :class:`TwoTowerModel`.
        text_encoder: As in :class:`TwoTowerModel`.
        num_classes: Number C of target classes.
        num_source_classes: Number of source classes. None: no source domain.
        widths: Sizes of fc6 and fc7, and of fc8 and fc9; released: 4096 each.
        dropout: Share of fc6 that is dropped; released: none.
        mmd_weights: Weights of MMD at fc6, fc7 (of each medium), fc8 and
            fc9.
        pair_weight: Weight of the pair loss at fc6 and fc7 in both domains.
        source_weight: Weight of the source's cross entropies.
        selection: Share alpha of the easiest target pairs that are trained
            on, in (0, 1]. None: all pairs at all times.
        round_length: Updates of a round of the selection.
        rounds: Round after which the chance grows no more; released: 20.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.

    Raises:
        ValueError: An option is out of range.
    """
    paper = 'https://arxiv.org/abs/1803.03777'
    paper_title = 'Deep Cross-media Knowledge Transfer'
    similarity = 'dot'
    training_only = ('source_domain.', 'updates')
    num_classes: int

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: int,
                 num_source_classes: Optional[int] = None,
                 widths: Sequence[int] = (512, 512),
                 dropout: float = 0.,
                 mmd_weights: Sequence[float] = (1., 1., 1., 2.),
                 pair_weight: float = 1e-4,
                 source_weight: float = .2,
                 selection: Optional[float] = 1.,
                 round_length: int = 20,
                 rounds: int = 20,
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(trunk, text_encoder, num_classes, similarity,
                         data_preprocessor, init_cfg)
        if len(widths) != 2:
            raise ValueError('widths must be two sizes, got '
                             f'{list(widths)}')
        if len(mmd_weights) != 4:
            raise ValueError('mmd_weights must be those of fc6 to fc9, got '
                             f'{list(mmd_weights)}')
        if selection is not None and not 0 < selection <= 1:
            raise ValueError('selection must be in (0, 1], got '
                             f'{selection}')
        if min(round_length, rounds) < 1:
            raise ValueError('round_length and rounds must be at least 1, '
                             f'got {round_length} and {rounds}')
        self.num_source_classes = num_source_classes
        self.target_domain = _Domain(self.image_size, self.text_size, widths,
                                     num_classes, dropout)
        self.source_domain: Any = None
        if num_source_classes is not None:
            self.source_domain = _Domain(self.image_size, self.text_size,
                                         widths, num_source_classes, dropout)
        self.mmd = nn.ModuleDict({
            f'fc{place}': MMDLoss(loss_weight=weight)
            for place, weight in enumerate(mmd_weights, 6) if weight})
        self.pair = PairwiseLoss(pair_weight)
        self.source_weight = source_weight
        self.selection = selection
        self.round_length = round_length
        self.rounds = rounds
        # Updates so far; kept, so that a resumed run is in the same round.
        self.register_buffer('updates', torch.zeros((), dtype=torch.long))
        self._told = False

    def check_source(self, meta: Mapping[str, Any]) -> Optional[str]:
        """Say why the source's classes do not fit; None if they do."""
        source = meta.get('num_source_classes')
        if source is None or self.num_source_classes is None or (
                source <= self.num_source_classes):
            return None
        return ('num_source_classes must match the data: the model has '
                f'{self.num_source_classes}, the source {source}')

    def encode_image(self, image: Any) -> Encoded:
        """Encode images as class probabilities; taps ``fc6`` to ``fc10``."""
        return _encoded(self.target_domain.encode(
            dict(image=self.image_features(image)))['image'])

    def encode_text(self, text: Any) -> Encoded:
        """Encode texts as class probabilities; taps ``fc6`` to ``fc10``."""
        return _encoded(self.target_domain.encode(
            dict(text=self.text_features(text)))['text'])

    def encode_pair(self, image: Any, text: Any) -> dict[str, Encoded]:
        """Encode both media, which share the statistics of fc8 and fc9."""
        taps = self.target_domain.encode(dict(
            image=self.image_features(image), text=self.text_features(text)))
        return {name: _encoded(taps[name]) for name in _MEDIA}

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Compute cross entropies, pair losses and MMD of both domains."""
        label = check_label(data_samples['label'], self.num_classes)
        check_whole_pairs(data_samples)
        has_source = (self.source_domain is not None
                      and 'source_text' in inputs)
        self._tell_once(has_source)
        rows = dict(image=self.image_features(inputs['image']),
                    text=self.text_features(inputs['text']))
        terms: dict[str, Tensor] = {}
        if has_source and self.selection is not None:
            kept = self._select(rows, label)
            terms['share_selected'] = torch.tensor(
                len(kept) / len(label), device=label.device)
            rows = {name: value[kept] for name, value in rows.items()}
            label = label[kept]
        target = self.target_domain.encode(rows)
        for name in _MEDIA:
            supervise(terms, name, target[name]['fc10'], label)
        self._add_pair(terms, 'loss_pair', target)
        if has_source:
            self._add_source(terms, target, inputs, data_samples)
        return terms

    def _add_source(self, terms: dict[str, Tensor],
                    target: Mapping[str, Mapping[str, Tensor]],
                    inputs: Mapping[str, Any],
                    data_samples: Mapping[str, Any]) -> None:
        assert self.num_source_classes is not None
        label = check_label(data_samples['source_label'],
                            self.num_source_classes, 'source_label')
        source = self.source_domain.encode(dict(
            image=self.image_features(inputs['source_image']),
            text=self.text_features(inputs['source_text'])))
        for name in _MEDIA:
            supervise(terms, f'source_{name}', source[name]['fc10'], label,
                      self.source_weight)
        self._add_pair(terms, 'loss_source_pair', source)
        for tap, mmd in self.mmd.items():
            if tap in ('fc6', 'fc7'):
                for name in _MEDIA:
                    terms[f'loss_mmd_{name}_{tap}'] = mmd(
                        source[name][tap], target[name][tap])
            else:
                terms[f'loss_mmd_{tap}'] = mmd(*(
                    torch.cat([taps[name][tap] for name in _MEDIA])
                    for taps in (source, target)))

    def _add_pair(self, terms: dict[str, Tensor], name: str,
                  taps: Mapping[str, Mapping[str, Tensor]]) -> None:
        for tap in ('fc6', 'fc7'):
            terms[f'{name}_{tap}'] = self.pair(taps['image'][tap],
                                               taps['text'][tap])

    @torch.no_grad()
    def _select(self, rows: Mapping[str, Tensor], label: Tensor) -> Tensor:
        """Draw the target pairs of this update, two at least; positions."""
        assert self.selection is not None
        mode = self.source_domain.training
        self.source_domain.eval()
        taps = self.source_domain.encode(rows)
        self.source_domain.train(mode)
        image, text = (F.normalize(taps[name]['fc10'].float().softmax(1))
                       for name in _MEDIA)
        relevant = (label[:, None] == label if label.dim() == 1
                    else label @ label.T > 0)
        scores = image @ text.T
        consistency = (average_precisions(scores, relevant)
                       + average_precisions(scores.T, relevant))
        turn = min(int(self.updates) // self.round_length + 1, self.rounds)
        if self.training:
            self.updates += 1
        chance = self.selection * chance_of_selection(consistency, turn)
        left = torch.rand(len(chance), device=chance.device) - chance
        # MMD needs two rows; of a batch of which none is drawn the likeliest.
        left[left.topk(min(2, len(left)), largest=False).indices] = -1.
        return (left < 0).nonzero()[:, 0]

    def _tell_once(self, has_source: bool) -> None:
        if self._told:
            return
        self._told = True
        if not has_source:
            lacking = ('the model has no num_source_classes'
                       if self.source_domain is None else
                       'the batches hold no source pairs')
            print_log(f'DCKT trains without its source domain ({lacking}): '
                      'no MMD, no selection.', logger='current',
                      level=logging.WARNING)


class _Domain(nn.Module):
    """Pathways of both media of a domain, and their shared fc8 to fc10."""

    def __init__(self, image_size: int, text_size: int,
                 widths: Sequence[int], num_classes: int,
                 dropout: float) -> None:
        super().__init__()
        self.pathways = nn.ModuleDict(dict(
            image=Pathway(image_size, widths, dropout=dropout),
            text=Pathway(text_size, widths, dropout=dropout)))
        self.fc8 = linear(widths[1], widths[0])
        self.norm_fc8 = nn.BatchNorm1d(widths[0], affine=False)
        self.fc9 = linear(widths[0], widths[1])
        self.norm_fc9 = nn.BatchNorm1d(widths[1], affine=False)
        self.fc10 = linear(widths[1], num_classes)

    def encode(self, rows: Mapping[str, Tensor]
               ) -> dict[str, dict[str, Tensor]]:
        """Return taps ``fc6`` to ``fc10`` of each medium that is given."""
        taps: dict[str, dict[str, Tensor]] = {
            name: self.pathways[name](value) for name, value in rows.items()}
        fc7 = torch.cat([each['fc7'] for each in taps.values()])
        fc8 = F.relu(self.norm_fc8(self.fc8(fc7)))
        fc9 = F.relu(self.norm_fc9(self.fc9(fc8)))
        sizes = [len(value) for value in rows.values()]
        for tap, value in (('fc8', fc8), ('fc9', fc9),
                           ('fc10', self.fc10(fc9))):
            for name, part in zip(rows, value.split(sizes), strict=True):
                taps[name][tap] = part
        return taps


def _encoded(taps: dict[str, Tensor]) -> Encoded:
    logits = taps['fc10']
    return Encoded(logits.float().softmax(1), logits, taps)


def average_precisions(scores: Tensor, relevant: Tensor) -> Tensor:
    """Compute the average precision of each query in a batch, (B,).

    Args:
        scores: Of each query with each item, (B, G).
        relevant: Whether an item answers a query, (B, G) bool; at least one
            does, as a pair's own other side.
    """
    order = scores.argsort(dim=1, descending=True, stable=True)
    hit = relevant.gather(1, order).float()
    rank = torch.arange(1, hit.shape[1] + 1, device=hit.device)
    return (hit.cumsum(1) / rank * hit).sum(1) / hit.sum(1)


def chance_of_selection(consistency: Tensor, turn: int) -> Tensor:
    r"""Compute how likely each target pair is to be trained on.

    The progressive transfer of DCKT, as released. A pair is consistent with
    the source as far as the *source's* network finds items of its class by
    it: s is the sum of the average precisions of its image and of its text.
    With s scaled to [-1, 1] over the pairs,

    .. math:: 1 - \log\big(1 + (\max s - s) / t\big)

    is 1 for the most consistent pair, and about 1 for all after many rounds t.

    Args:
        consistency: s of each pair, (B,).
        turn: Number t of the round, from 1.

    Returns:
        Chances in [0, 1], (B,).
    """
    low, high = consistency.min(), consistency.max()
    difficulty = 2 * (high - consistency) / (high - low).clamp(min=1e-12)
    return (1 - torch.log1p(difficulty / turn)).clamp(0, 1)
