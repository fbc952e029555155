"""Choose on validation how much the instance part of a model counts."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Optional

import numpy as np
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS

from ....evaluation.embeddings import Embeddings
from ....evaluation.gathering import gather_items
from ....evaluation.retrieval_metric import RetrievalMetric
from ....evaluation.scoring import score_embeddings


@HOOKS.register_module()
class BalanceHook(Hook):
    """Sets a model's balance of class and instance part after validation.

    The balance is the largest of ``candidates`` whose mean class MAP on the
    validation split stays within ``tolerance`` of the best candidate's:
    finding the very item is worth as much as it costs the class next to
    nothing. The figures of the validation are then those of the balance
    chosen, and the best checkpoint holds it.

    Beside it, the model keeps the cosine that 95 % of the validation's
    partners reach in the instance part, below which a best answer is said to
    be far from anything.

    A model without an instance part is left alone.

    Args:
        candidates: Balances to choose from, each in (0, 1). Small
            validation sets tell large ones apart badly.
        tolerance: How far below the best MAP the choice may be.

    Raises:
        ValueError: A candidate or the tolerance is out of its range.
    """
    # Runs before the hooks that log figures or save the best checkpoint.
    priority = 'HIGHEST'

    def __init__(self,
                 candidates: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.25,
                                                0.3),
                 tolerance: float = 0.005) -> None:
        if not candidates or not all(0 < a < 1 for a in candidates):
            raise ValueError('candidates must lie between 0 and 1, got '
                             f'{list(candidates)}')
        if tolerance < 0:
            raise ValueError(f'tolerance must be at least 0, got {tolerance}')
        self.candidates = sorted(candidates)
        self.tolerance = tolerance
        self._seen = RetrievalMetric()

    def before_val_epoch(self, runner: Any) -> None:
        """Forget what was kept before."""
        self._seen.results.clear()

    def after_val_iter(self, runner: Any, batch_idx: int,
                       data_batch: Any = None,
                       outputs: Optional[Sequence] = None) -> None:
        """Keep a batch of results."""
        if _instance_of(runner.model) is not None:
            self._seen.process(data_batch, outputs or ())

    def after_val_epoch(self, runner: Any,
                        metrics: Optional[dict[str, float]] = None) -> None:
        """Choose."""
        model = _instance_of(runner.model)
        if model is None:
            return
        dataset = runner.val_dataloader.dataset
        self._seen.dataset_meta = getattr(dataset, 'metainfo', None)
        items = gather_items(self._seen.results, len(dataset))
        self._seen.results.clear()
        embeddings = self._seen.embeddings(items)
        model.instance.nearby.fill_(_nearby(embeddings, model))
        if not embeddings.labelled:
            return
        figures = {
            a: _mean_map(embeddings, model.query_factors(a).cpu().numpy())
            for a in self.candidates}
        chosen = choose(figures, self.tolerance)
        half = np.sqrt(model.query_factors(chosen).cpu().numpy())
        model.instance.balance.fill_(chosen)
        self._score_anew(runner, _weighted(embeddings, half), metrics)
        print_log(f'balance {chosen:g} of the instance part, chosen on '
                  'validation: mean_mAP ' + ', '.join(
                      f'{value:.4f} at {a:g}' for a, value in figures.items()),
                  logger='current')

    @staticmethod
    def _score_anew(runner: Any, embeddings: Embeddings,
                    metrics: Optional[dict[str, float]]) -> None:
        """Replace the figures of the balance before, wherever they go."""
        if metrics is None:
            return
        for metric in runner.val_evaluator.metrics:
            if isinstance(metric, RetrievalMetric):
                metrics.update({f'{metric.prefix}/{key}': value for key, value
                                in metric.compute_metrics(embeddings).items()})


def choose(figures: dict[float, float], tolerance: float) -> float:
    """Return the largest balance within the tolerance of the best figure.

    Args:
        figures: Figure of each balance; larger is better.
        tolerance: How far below the best one the choice may be.
    """
    best = max(figures.values())
    return max(a for a, value in figures.items() if value >= best - tolerance)


def _instance_of(model: Any) -> Any:
    model = model.module if is_model_wrapper(model) else model
    return model if 'instance' in model.parts else None


def _mean_map(embeddings: Embeddings, factors: np.ndarray) -> float:
    return float(np.mean([score.value for score in score_embeddings(
        _weighted(embeddings, np.sqrt(factors)), ['chtn-map-all:dot'])]))


def _weighted(embeddings: Embeddings, half: np.ndarray) -> Embeddings:
    """Embeddings of another balance.

    The root of a query's factor on either side gives the same products.
    """
    assert embeddings.image is not None and embeddings.text is not None
    return replace(embeddings, image=embeddings.image * half,
                   text=embeddings.text * half)


def _nearby(embeddings: Embeddings, model: Any) -> float:
    """Cosine that 95 % of partners reach; -1 where there are none."""
    if not embeddings.paired:
        return -1.
    part, balance = model.parts['instance'], model.balance
    assert embeddings.image is not None and embeddings.text is not None
    first = {int(key): row for row, key in reversed(list(enumerate(
        embeddings.text_pair)))}  # type: ignore[arg-type]
    cosines = [float(embeddings.image[row, part]
                     @ embeddings.text[first[int(key)], part]) / balance
               for row, key in enumerate(
                   embeddings.image_pair)  # type: ignore[arg-type]
               if key >= 0 and int(key) in first]
    return float(np.quantile(cosines, 0.05)) if cosines else -1.
