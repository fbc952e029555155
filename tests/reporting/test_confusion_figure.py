"""Confusion matrices as a picture."""
from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from chtn_plugin.reporting.confusion_figure import confusion_figure

matplotlib.use('Agg')
COUNTS = np.array([[3, 1], [0, 0]])


def test_cells_are_coloured_by_shares_of_their_rows():
    figure = confusion_figure({'one': COUNTS, 'two': COUNTS, 'three': COUNTS},
                              ['a', 'b'])
    assert [axis.get_title() for axis in figure.axes] == [
        'one', 'two', 'three', '']
    assert figure.axes[0].images[0].get_array().tolist() == [[.75, .25],
                                                             [0, 0]]
    assert [label.get_text() for label in
            figure.axes[0].get_yticklabels()] == ['a', 'b']


def test_values_stand_in_their_cells_in_ink_that_can_be_read():
    figure = confusion_figure({'one': COUNTS}, ['a', 'b'], True, 'gray')
    assert {(text.get_text(), text.get_position(), text.get_color())
            for text in figure.axes[0].texts} == {
                ('3', (0, 0), 'black'), ('1', (1, 0), 'white')}


def test_many_classes_get_numbers():
    figure = confusion_figure({'one': np.eye(90)}, [f'n{i}' for i in
                                                     range(90)])
    labels = [label.get_text() for label in
              figure.axes[0].get_xticklabels()]
    assert labels[:3] == ['0', '3', '6']


def test_refuses_an_unknown_colour_map():
    with pytest.raises(ValueError, match='banana'):
        confusion_figure({'one': COUNTS}, ['a', 'b'], cmap='banana')
