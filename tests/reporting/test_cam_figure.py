"""A map over its picture."""
from __future__ import annotations

import matplotlib
import numpy as np

from chtn_plugin.reporting.cam_figure import cam_figure

matplotlib.use('Agg')


def test_the_map_is_stretched_over_the_picture():
    values = np.eye(2)
    figure = cam_figure(np.zeros((6, 9), np.uint8), values, 'a cat')
    left, right = figure.axes
    assert len(left.images) == 1 and len(right.images) == 2
    assert right.images[1].get_array().tolist() == values.tolist()
    assert {tuple(image.get_extent()) for image in right.images} == {
        (-.5, 8.5, 5.5, -.5)}
    assert figure.get_suptitle() == 'a cat'
