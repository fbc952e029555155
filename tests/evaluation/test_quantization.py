"""Vectors in bytes and bits, and what a search still finds."""
import numpy as np
import pytest

from chtn_plugin.evaluation.quantization import quantized, quantized_recall

ROWS = np.array([[1., -2.], [.5, 4.], [0., -4.]])


def test_int8_scales_each_column_by_its_largest():
    stored, scale = quantized(ROWS, 'int8')
    assert stored.tolist() == [[127, -64], [64, 127], [0, -127]]
    assert scale == pytest.approx([1 / 127, 4 / 127])
    again, _ = quantized(ROWS * 9, 'int8', scale)
    assert again.tolist()[1] == [127, 127]  # out of range: the end of it


def test_a_column_of_zeros_stays_one():
    stored, scale = quantized(np.zeros((2, 3)), 'int8')
    assert not stored.any() and np.isfinite(scale).all()


def test_binary_packs_eight_signs_to_a_byte():
    stored, scale = quantized(ROWS, 'binary')
    assert stored.tolist() == [[0b10000000], [0b11000000], [0]]
    assert scale is None


def test_float32_is_exact():
    rows = np.random.default_rng(0).normal(size=(50, 6))
    assert quantized_recall(rows[:9] + 1, rows, 'float32') == 1


def test_recall_is_the_share_of_the_exact_results():
    # Signs cannot tell the first two apart: by their place, the first wins.
    gallery = np.array([[1., 9.], [9., 1.], [-1., -1.]], np.float32)
    queries = np.array([[1., .1], [.1, 1.]], np.float32)
    assert quantized_recall(queries, gallery, 'binary', 1) == .5
    assert quantized_recall(queries, gallery, 'binary', 1, rescored=2) == 1


def test_other_precisions_are_refused():
    with pytest.raises(ValueError, match="got 'int4'"):
        quantized(ROWS, 'int4')
