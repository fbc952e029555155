"""Which tests see a GPU: those of ``pytest -m gpu``, and no others.

MMEngine takes a GPU for its models wherever it sees one, and tests write
tensors by hand: on a machine with a GPU they would feed one to the other.
"""
from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def selects_gpu_tests(arguments: Sequence[str]) -> bool:
    """Whether a command line of pytest asks for the tests on a GPU alone."""
    return '-mgpu' in arguments or ('-m', 'gpu') in zip(
        arguments, arguments[1:], strict=False)


def hide_gpus() -> None:
    """Hide them from this process, unless the tests on a GPU are asked for.

    By environment variables, so that the processes of pytest-xdist, which
    have another command line, do the same.
    """
    if selects_gpu_tests(sys.argv):
        os.environ['CHTN_TEST_ON_GPU'] = '1'
    if not os.environ.get('CHTN_TEST_ON_GPU'):
        os.environ['CUDA_VISIBLE_DEVICES'] = ''
