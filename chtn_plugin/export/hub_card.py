"""Write the YAML at the head of a model card, as the hub reads it."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

#: Names of licences that the hub knows, in its spelling.
_LICENCES = ('apache-2.0', 'mit', 'bsd-2-clause', 'bsd-3-clause', 'cc0-1.0',
             'cc-by-4.0', 'cc-by-sa-4.0', 'cc-by-nc-4.0', 'cc-by-nc-sa-4.0',
             'gpl-3.0', 'lgpl-3.0', 'mpl-2.0', 'unlicense', 'openrail')


def front_matter(name: str, method: str, data: str, licence: str,
                 figures: Sequence[Mapping[str, Any]]) -> str:
    """Describe a model for the hub's search and its table of results.

    Args:
        name: Of the model.
        method: Name of its class.
        data: What it was trained on.
        licence: Of the weights.
        figures: Rows of results: ``direction``, ``protocol``, ``value``,
            ``split``; those without a value are left out.

    Returns:
        The block between two lines of dashes.
    """
    known = licence.lower()
    head: dict[str, Any] = (
        dict(license=known) if known in _LICENCES else
        dict(license='other', license_name=licence))
    head.update(library_name='chtn_plugin', tags=[
        'cross-modal-retrieval', 'image-text-retrieval', 'mmengine',
        method.lower()])
    by_split: dict[str, list[dict[str, Any]]] = {}
    for row in figures:
        if row['value'] is not None:
            by_split.setdefault(str(row['split']), []).append(dict(
                type='retrieval',
                name=f'{row["direction"]} {row["protocol"]}',
                value=round(float(row['value']), 4)))
    if by_split:
        head['model-index'] = [dict(name=name, results=[
            dict(task=dict(type='image-text-retrieval',
                           name='Cross-Modal Retrieval'),
                 dataset=dict(name=data, type='custom', split=split),
                 metrics=metrics)
            for split, metrics in by_split.items()])]
    return '---\n' + yaml.safe_dump(head, sort_keys=False,
                                    allow_unicode=True) + '---\n\n'
