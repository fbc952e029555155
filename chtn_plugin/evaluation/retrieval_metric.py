"""The MMEngine metric of retrieval; it scores as tools/score.py does."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmengine.registry import METRICS

from .embeddings import PARTS, Embeddings, save_embeddings
from .gathering import gather_items, items_to_embeddings
from .protocols import (
    DEFAULT_PROTOCOL,
    DIRECTIONS,
    PAIR_PROTOCOLS,
    get_protocol,
)
from .results import class_name, make_results, write_results
from .scoring import Score, score_embeddings
from .similarity import check_similarity

_NO_CHANCE = 0.999


@METRICS.register_module()
class RetrievalMetric(BaseMetric):
    """Mean average precision between images and texts.

    The model's ``predict`` returns one dict per item with ``sample_idx``,
    ``image_idx``, ``text_idx`` (-1 without image or text; items may share
    one, which then counts once), ``label`` (class number, or 0/1 vector (C,)
    where items have several classes; left out where no item has any),
    ``image_repr`` and ``text_repr`` (D,).
    Scores are computed by all ranks together, each ranking a share of the
    queries, after checking that every item of the data set came.

    Optional keys of a prediction: ``same_image_idx`` and ``same_text_idx``,
    one number for items whose images (texts) are equal, -1 where that is not
    known; ``similarity``, what the model is made for. An item without a class
    has the label -1 (a vector of NaN) and counts for pairs alone.

    Keys of the result: ``i2t_mAP``, ``t2i_mAP``, ``mean_mAP`` (for another
    protocol than the default its name follows in brackets, as
    ``i2t_mAP[map-min@50]``), ``i2t_chance``, ``i2t_tie_share`` and so on;
    with ``ks`` ``i2t_P@5`` and ``i2t_R@5`` (true recall); with ``per_class``
    ``i2t_mAP/NAME``. Where partners are known, of i2t, t2i and their mean
    ``i2t_pair_hit_rate@1``, ``i2t_pair_median_rank`` and so on, each with its
    ``i2t_pair_hit_rate@1_chance``; a small rank is a good one.

    Args:
        protocol: Name of the protocol, see :mod:`.protocols`.
        ks: Cut-offs of precision and recall to report beside it.
        per_class: Report each class too.
        pairs: Pair protocols to report beside it where partners are known:
            how well an item finds its own other side.
        similarity: ``'cosine'``, ``'dot'`` or ``'euclidean'``, where the
            protocol names none. None: what the predictions say, or cosine.
        directions: Of ``'i2t'``, ``'t2i'``, ``'i2i'``, ``'t2t'``.
        out_file: ``.npz`` to write the embeddings to, for tools/score.py.
        results_file: ``.json`` to write figures and the value of each query
            to, for tools/compare.py.
        out_meta: What else to write there: config, checkpoint, seed.
        device: Where to compute similarities. None: the processor.
        threads: Threads that rank. None: as many as torch uses.
        prefix: Precedes the keys.
        collect_device: Only ``'cpu'``; embeddings are kept there.
    """
    default_prefix = 'retrieval'

    def __init__(self,
                 protocol: str = DEFAULT_PROTOCOL,
                 ks: Sequence[int] = (),
                 per_class: bool = False,
                 pairs: Sequence[str] = PAIR_PROTOCOLS,
                 similarity: Optional[str] = None,
                 directions: Sequence[str] = ('i2t', 't2i'),
                 out_file: Optional[str] = None,
                 results_file: Optional[str] = None,
                 out_meta: Optional[dict[str, Any]] = None,
                 device: Optional[str] = None,
                 threads: Optional[int] = None,
                 prefix: Optional[str] = None,
                 collect_device: str = 'cpu') -> None:
        if collect_device != 'cpu':
            raise ValueError("collect_device must be 'cpu', got "
                             f'{collect_device!r}')
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.protocol = get_protocol(protocol)
        for direction in directions:
            if direction not in DIRECTIONS:
                raise ValueError('directions must be of '
                                 f'{", ".join(DIRECTIONS)}, got '
                                 f'{direction!r}')
        if out_file is not None and not str(out_file).endswith('.npz'):
            raise ValueError(f'out_file must end in .npz, got {out_file!r}')
        if results_file is not None and not str(results_file).endswith(
                '.json'):
            raise ValueError('results_file must end in .json, got '
                             f'{results_file!r}')
        self.directions = tuple(directions)
        self.ks = tuple(ks)
        options = protocol.partition('/')[0].partition(':')[1:]
        self._at_k = [get_protocol(f'{base}@{k}{"".join(options)}',
                                   self.protocol.split)
                      for k in self.ks for base in ('precision', 'recall')]
        self.pairs = [get_protocol(name, self.protocol.split)
                      for name in pairs]
        for asked in self.pairs:
            if not asked.formula.pairs:
                raise ValueError('pairs must be pair protocols, such as '
                                 f'{PAIR_PROTOCOLS[0]}; got {asked.name!r}')
        if similarity is not None:
            check_similarity(similarity)
        self.similarity = similarity
        self.per_class = per_class
        self.out_file = out_file
        self.results_file = results_file
        self.out_meta = dict(out_meta or {})
        self.device = device
        self.threads = threads
        #: Full name of the protocol of the last figures, with the similarity
        #: that was used; empty before the first.
        self.reported = ''

    def keys(self, classes: Sequence[str] = ()) -> set[str]:
        """Return every key that a result may have, with the prefix.

        Args:
            classes: Names of the classes, for ``per_class``.
        """
        name = self.protocol.name
        mark = '' if name == DEFAULT_PROTOCOL else f'[{name}]'
        pairs = [each.name.partition('/')[0].replace('-', '_')
                 for each in self.pairs]
        ends = [f'mAP{mark}', 'chance', 'tie_share', 'unanswerable',
                *(f'{letter}@{k}' for k in self.ks for letter in 'PR'),
                *(f'mAP{mark}/{each}' for each in classes if self.per_class),
                *pairs, *(f'{each}_chance' for each in pairs)]
        keys = {f'{d}_{end}' for d in self.directions for end in ends}
        keys |= {f'mean_{end}' for end in (f'mAP{mark}', *pairs)}
        prefix = self.prefix or self.default_prefix
        return {f'{prefix}/{key}' for key in keys}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep a batch of results, on the processor.

        Args:
            data_batch: Not used.
            data_samples: What the model's ``predict`` returned.
        """
        if not data_samples:
            return
        batch: dict[str, Any] = {
            field: np.array([int(sample[field]) for sample in data_samples])
            for field in ('sample_idx', 'image_idx', 'text_idx')}
        for field in ('same_image_idx', 'same_text_idx'):
            batch[field] = np.array([int(sample.get(field, -1))
                                     for sample in data_samples])
        batch['similarity'] = np.array([str(sample.get('similarity') or '')
                                        for sample in data_samples])
        # One copy from the device, not one an item: each would wait for it.
        batch['label'] = _compact(torch.stack([
            torch.as_tensor(s.get('label', -1)).detach()
            for s in data_samples]).cpu().numpy())
        for part in PARTS:
            rows = [s[f'{part}_repr'] for s in data_samples
                    if s[f'{part}_idx'] >= 0]
            batch[part] = _stack(rows) if rows else None
        self.results.append(batch)

    def evaluate(self, size: int) -> dict[str, float]:
        """Score everything that was processed, on all ranks together.

        Args:
            size: Items in the data set.

        Raises:
            ValueError: Items are missing, unknown or doubled; the message
                names their ids.
        """
        try:
            items = gather_items(self.results, size)
        finally:
            self.results.clear()
        metrics = self.compute_metrics(self.embeddings(items))
        return {f'{self.prefix}/{key}': value
                for key, value in metrics.items()}

    def compute_metrics(self, results: Embeddings) -> dict[str, float]:
        """Score the embeddings of a whole data set.

        Args:
            results: The embeddings, equal on every rank.
        """
        if self.out_file is not None and is_main_process():
            save_embeddings(self.out_file, results, self.protocol.name)
        across = [d for d in self.directions if d in ('i2t', 't2i')]
        scores = [] if not results.labelled else score_embeddings(
            results, [self.protocol, *self._at_k], self.directions,
            self.device, threads=self.threads, distributed=True)
        paired = [] if not results.paired else score_embeddings(
            results, self.pairs, across, self.device, threads=self.threads,
            distributed=True)
        if not _means_something(scores[:len(self.directions)], bool(paired)):
            scores = []
        self.reported = scores[0].protocol.name if scores else ''
        if self.results_file is not None and is_main_process():
            write_results(self.results_file, make_results(
                [*scores, *paired], results.classes, results.meta))
        count = len(self.directions)
        metrics = (self._figures(scores[:count], results.classes)
                   if scores else {})
        names = [f'{letter}@{k}' for k in self.ks for letter in 'PR']
        for at, name in enumerate(names, start=1):
            for score in scores[at * count:(at + 1) * count]:
                metrics[f'{score.direction}_{name}'] = score.value
        return {**metrics, **self._pair_figures(paired)}

    @staticmethod
    def _pair_figures(scores: Sequence[Score]) -> dict[str, float]:
        metrics: dict[str, float] = {}
        by_protocol: dict[str, list[Score]] = {}
        for score in scores:
            by_protocol.setdefault(score.asked, []).append(score)
        for asked, both in by_protocol.items():
            key = asked.partition('/')[0].replace('-', '_')
            for score in both:
                metrics[f'{score.direction}_{key}'] = score.value
            if len(both) == 2:
                metrics[f'mean_{key}'] = float(np.mean([s.value
                                                        for s in both]))
            for score in both:
                metrics[f'{score.direction}_{key}_chance'] = score.chance_value
            digits = 1 if both[0].protocol.formula.lower_is_better else 4
            MMLogger.get_current_instance().info(
                f'protocol {both[0].protocol.name}: ' + '; '.join(
                    f'{s.direction} {s.value:.{digits}f} (chance '
                    f'{s.chance_value:.{digits}f}, {int(s.answered.sum())} '
                    f'queries)' for s in both))
        return metrics

    def _figures(self, scores: Sequence[Score],
                 classes: Sequence[str]) -> dict[str, float]:
        metrics = {}
        name = self.protocol.name
        mark = '' if name == DEFAULT_PROTOCOL else f'[{name}]'
        for score in scores:
            key = score.direction
            metrics[f'{key}_mAP{mark}'] = score.value
        if {'i2t', 't2i'} <= set(self.directions):
            metrics[f'mean_mAP{mark}'] = float(np.mean(
                [s.value for s in scores if s.direction in ('i2t', 't2i')]))
        summaries = []
        for score in scores:
            key = score.direction
            chance = score.chance_value
            if not np.isnan(chance):
                metrics[f'{key}_chance'] = chance
            metrics[f'{key}_tie_share'] = score.tie_share
            lost = int((~score.answered).sum())
            metrics[f'{key}_unanswerable'] = float(lost)
            without = '' if not score.unlabelled else (
                f' ({score.unlabelled} of them without class)')
            summaries.append(
                f'{key} {score.value:.4f} (chance {chance:.4f}, '
                f'{len(score.values) - lost} queries, {score.gallery} '
                f'searched, {lost} without relevant item{without}, '
                f'tied {score.tie_share:.2%})')
            if self.per_class:
                for label, value in score.by_class().items():
                    shown = class_name(label, classes)
                    metrics[f'{key}_mAP{mark}/{shown}'] = value
        MMLogger.get_current_instance().info(
            f'protocol {scores[0].protocol.name}: ' + '; '.join(summaries))
        return metrics

    def embeddings(self, items: dict[str, Any]) -> Embeddings:
        """Make embeddings of gathered items, with the data set's facts.

        Args:
            items: As :func:`gather_items` returns them.
        """
        known = self.dataset_meta or {}
        meta = {key: known[key] for key in ('split', 'dataset', 'name')
                if key in known}
        similarity = self.similarity or items['similarity']
        if similarity:
            meta['similarity'] = similarity
        return items_to_embeddings(items, known.get('classes', ()),
                                   {**meta, **self.out_meta})


def _means_something(scores: Sequence[Score], paired: bool) -> bool:
    """Refuse figures of classes that chance gives too.

    Args:
        scores: Figures of classes.
        paired: Whether there are figures of pairs beside them, which stand.
    """
    for score in scores:
        chance = score.chance_value
        if np.isnan(chance) or chance < _NO_CHANCE:
            continue
        message = (f'chance must be below {_NO_CHANCE}: {score.direction} has '
                   f'{chance:.4f} under {score.protocol.name}, since nearly '
                   'every item is relevant to nearly every query, and a '
                   'figure means nothing. Do the labels have one class '
                   'alone?')
        if not paired:
            raise ValueError(message)
        MMLogger.get_current_instance().warning(
            f'{message} Figures of classes are left out, those of pairs '
            'stand.')
        return False
    return True


def _compact(labels: np.ndarray) -> np.ndarray:
    """Keep 0/1 rows (N, C) as bool: a quarter of the memory.

    Where an item has no class (NaN), or a wrong number stands, they stay.
    """
    if labels.ndim != 2 or labels.shape[1] < 2:
        return labels
    as_bool = labels.astype(bool)
    return as_bool if (as_bool == labels).all() else labels


def _stack(rows: Sequence[Any]) -> np.ndarray:
    """Rows as one array on the processor, float32 or better."""
    stacked = torch.stack([torch.as_tensor(row) for row in rows]).detach()
    if stacked.dtype != torch.float64:
        stacked = stacked.float()
    return stacked.cpu().numpy()
