"""Draw a map over the picture that it is of."""
from __future__ import annotations

from typing import Any

import numpy as np


def cam_figure(picture: np.ndarray, values: np.ndarray, title: str) -> Any:
    """Draw a picture, and beside it the same under its map.

    Args:
        picture: uint8 (H, W) grey or (H, W, 3) RGB.
        values: (h, w) in [0, 1], of any size; it is stretched.
        title: What the map is of.

    Returns:
        The figure, of matplotlib.
    """
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(1, 2, figsize=(8, 4.4))
    height, width = picture.shape[:2]
    place = (-.5, width - .5, height - .5, -.5)
    for axis in axes:
        axis.imshow(picture, cmap='gray', vmin=0, vmax=255, extent=place)
        axis.axis('off')
    axes[1].imshow(values, cmap='inferno', vmin=0, vmax=1, alpha=.55,
                   extent=place, interpolation='bilinear')
    figure.suptitle(title, wrap=True)
    figure.tight_layout()
    return figure
