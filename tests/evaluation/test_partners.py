"""Which images and texts are partners."""
import numpy as np

from chtn_plugin.evaluation.partners import partner_keys


def keys(*columns):
    return [found.tolist() for found in partner_keys(
        *(np.array(column) for column in columns))]


def test_the_sides_of_a_pair_are_partners():
    assert keys([0, 1], [0, 1]) == [[0, 1], [0, 1]]


def test_all_texts_of_an_image_are_its_partners():
    assert keys([0, 0, 1], [0, 1, 2]) == [[0, 0, 2], [0, 0, 2]]


def test_images_of_equal_texts_are_partners_of_both():
    assert keys([0, 1, 2], [0, 1, 2], [0, 1, 0]) == [[0, 1, 0], [0, 1, 0]]


def test_texts_of_equal_images_are_partners_of_both():
    unknown = [-1, -1, -1]
    assert keys([0, 1, 2], [0, 1, 2], unknown, [5, 5, 2]) == [
        [0, 0, 2], [0, 0, 2]]


def test_what_lacks_its_other_side_has_no_partner():
    assert keys([0, 1, -1], [0, -1, 1]) == [[0, -1, -1], [0, -1, -1]]


def test_an_equal_text_gives_a_partner_to_an_image_without_text_of_its_own():
    # Item 1 is image 0 without text, item 0 the same image with one.
    assert keys([0, 0, 1], [0, -1, -1]) == [[0, 0, -1], [0, -1, -1]]
