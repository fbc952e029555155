"""What the commands share: options, and errors in one line."""
import pytest
import torch

from chtn_plugin.cli.command import plain_refusals
from chtn_plugin.losses.pairwise import pairwise_distance


def test_what_the_plugin_refuses_is_a_line():
    with pytest.raises(SystemExit, match='^train.py: image and text must'):
        with plain_refusals('train.py'):
            pairwise_distance(torch.ones(2, 3), torch.ones(2, 4))


def test_errors_from_elsewhere_keep_their_traceback():
    with pytest.raises(ValueError, match='of a module of the user'):
        with plain_refusals('train.py'):
            raise ValueError('of a module of the user')
