"""Describe retrieval figures in words, with protocol, split and chance."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config, ConfigDict

from ..evaluation.protocols import DEFAULT_PROTOCOL


def retrieval_metric_of(cfg: Config, evaluator: str = 'test_evaluator'
                        ) -> ConfigDict:
    """Find the RetrievalMetric of a configuration.

    Args:
        cfg: The configuration.
        evaluator: Where to look for it.

    Raises:
        KeyError: It has none.
    """
    metrics = cfg.get(evaluator)
    if isinstance(metrics, Mapping) and 'metrics' in metrics:
        metrics = metrics['metrics']
    for metric in metrics if isinstance(metrics, (list, tuple)) else [metrics]:
        if metric and metric.get('type') == 'RetrievalMetric':
            return metric
    raise KeyError(f'{evaluator} must have a RetrievalMetric, got {metrics}')


def reported_protocol(evaluator: Any) -> str:
    """Return the full name of the protocol that an evaluator used.

    Args:
        evaluator: Of a Runner that has validated or tested.

    Returns:
        As ``'chtn-map-all:dot'``; empty where no metric has reported yet.
    """
    return next((metric.reported for metric in getattr(
        evaluator, 'metrics', ()) if getattr(metric, 'reported', '')), '')


def describe_figures(cfg: Config, dataset: Any,
                     metrics: Mapping[str, float],
                     protocol: str = '') -> str:
    """Write mean average precision with protocol, split and chance level.

    Args:
        cfg: The configuration that was tested.
        dataset: What it was tested on.
        metrics: What the Runner returned.
        protocol: Full name of the protocol that was used. Empty: the
            configuration's.

    Returns:
        A few lines.
    """
    try:
        protocol = protocol or retrieval_metric_of(cfg).get(
            'protocol', DEFAULT_PROTOCOL)
    except KeyError:
        protocol = 'of the configuration'
    split = getattr(dataset, 'metainfo', {}).get('split', 'unknown')
    lines = [f'protocol {protocol}, split {split}, {len(dataset)} items']
    names = dict(i2t='image to text', t2i='text to image', i2i='image to '
                 'image', t2t='text to text', mean='mean of both')
    for name, meaning in names.items():
        for key, value in metrics.items():
            short = key.rsplit('/', 1)[-1]
            if short.startswith(f'{name}_mAP'):
                chance = metrics.get(key.rsplit('/', 1)[0]
                                     + f'/{name}_chance')
                chances = '' if chance is None else f' (chance {chance:.4f})'
                lines.append(f'  {meaning:<14}{short:<12}{value:.4f}{chances}')
    for key, value in metrics.items():
        short = key.rsplit('/', 1)[-1]
        if '_pair_' in short and not short.endswith('_chance'):
            digits = 1 if 'rank' in short else 4
            chance = metrics.get(f'{key}_chance')
            chances = ('' if chance is None else
                       f' (chance {chance:.{digits}f})')
            lines.append(f'  {names[short[:short.index("_")]]:<14}'
                         f'{short.partition("_")[2]:<18}{value:.{digits}f}'
                         f'{chances}')
    return '\n'.join(lines)
