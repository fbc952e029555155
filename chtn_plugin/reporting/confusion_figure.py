"""Draw confusion matrices side by side."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

#: More names than this make no readable axis: numbers stand there.
_MOST_NAMES = 40


def confusion_figure(matrices: Mapping[str, np.ndarray],
                     classes: Sequence[str], include_values: bool = False,
                     cmap: str = 'viridis') -> Any:
    """Draw each matrix in its own axes, coloured by shares of its rows.

    Args:
        matrices: Counts (C, C) by title; true classes in rows.
        classes: Names of the C classes.
        include_values: Whether to write the counts into the cells.
        cmap: Name of a colour map of matplotlib.

    Returns:
        The figure, of matplotlib.

    Raises:
        ValueError: There is no such colour map.
    """
    from matplotlib import pyplot
    columns = min(2, len(matrices))
    rows = -(-len(matrices) // columns)
    side = 3 + min(len(classes), _MOST_NAMES) * (.45 if include_values
                                                 else .22)
    figure, axes = pyplot.subplots(rows, columns, squeeze=False,
                                   figsize=(side * columns, side * rows))
    names = list(classes) if len(classes) <= _MOST_NAMES else [
        str(number) for number in range(len(classes))]
    step = -(-len(names) // _MOST_NAMES)
    ticks = range(0, len(names), step)
    for axis in axes.flat[len(matrices):]:
        axis.axis('off')
    for axis, (title, counts) in zip(axes.flat, matrices.items(),
                                     strict=False):
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        axis.imshow(shares, cmap=cmap, vmin=0, vmax=1)
        axis.set(title=title, xlabel='taken for', ylabel='true class')
        axis.set_xticks(ticks, names[::step], rotation=90, fontsize=7)
        axis.set_yticks(ticks, names[::step], fontsize=7)
        if include_values:
            _write_counts(axis, counts, shares)
    figure.tight_layout()
    return figure


def _write_counts(axis: Any, counts: np.ndarray, shares: np.ndarray) -> None:
    colours = axis.images[0].cmap(shares)[..., :3]
    # Perceived brightness says which ink can be read on a cell.
    bright = colours @ (0.299, 0.587, 0.114) > .5
    for row, column in np.argwhere(counts):
        axis.text(column, row, counts[row, column], ha='center', va='center',
                  fontsize=6, color='black' if bright[row, column]
                  else 'white')
