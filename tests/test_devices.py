"""Tests stay on the CPU, also where a GPU is."""
import os

import pytest
import torch
from devices import selects_gpu_tests
from mmengine.device import get_device


@pytest.mark.parametrize('line, expected', [
    ('pytest -m gpu', True), ('pytest -mgpu tests', True), ('pytest', False),
    ('pytest -m slow gpu', False)])
def test_only_the_marker_alone_brings_the_gpu_in(line, expected):
    assert selects_gpu_tests(line.split()) is expected


def test_no_gpu_is_visible_to_tests_without_the_marker():
    assert os.environ['CUDA_VISIBLE_DEVICES'] == ''
    assert get_device() == 'cpu'


@pytest.mark.gpu
def test_a_gpu_is_visible_to_tests_with_the_marker():
    assert torch.cuda.is_available() and get_device() == 'cuda'
