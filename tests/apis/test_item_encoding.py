"""Encoding of items, batch by batch."""
import numpy as np

from chtn_plugin.apis.item_encoding import encode_items


class Encoder:
    batch_size = 2

    def load_image(self, path):
        if path == 'broken':
            raise ValueError('cut off')
        return float(path)

    def encode_batch(self, kind, inputs):
        return dict(repr=np.array([[float(value)] for value in inputs]))


def item(kind, value):
    return dict(kind=kind, id=f'{kind} {value}', path=value, text=value)


def encoded(*items):
    return [([each['id'] for each in kept], rows.ravel().tolist(), skipped)
            for kept, rows, skipped in encode_items(Encoder(), items, False)]


def test_a_batch_holds_items_of_one_kind():
    assert encoded(item('image', '1'), item('text', '2'), item('image', '3'),
                   item('image', '4')) == [
        (['image 1', 'image 3'], [1, 3], []), (['image 4'], [4], []),
        (['text 2'], [2], [])]


def test_an_unreadable_picture_is_left_out_with_its_reason():
    assert encoded(item('image', 'broken'), item('image', '3')) == [
        (['image 3'], [3], [('image broken', 'cut off')])]


def test_a_batch_of_unreadable_pictures_has_no_vectors():
    assert encoded(item('image', 'broken')) == [
        ([], [], [('image broken', 'cut off')])]
