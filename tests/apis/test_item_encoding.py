"""Encoding of items, batch by batch."""
import threading

import numpy as np
import pytest

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


@pytest.mark.parametrize('workers', [1, 3])
def test_threads_load_the_same_in_the_same_order(workers):
    items = [item('image', name) for name in
             ('5', '1', 'broken', '3', '2', '8', '7', '4', '9', '6', '0')]
    items += [item('text', '12')]
    alone, beside = ([(
        [each['id'] for each in kept], rows.tolist(), skipped)
        for kept, rows, skipped in encode_items(
            Encoder(), items, False, number)] for number in (0, workers))
    assert beside == alone


def test_threads_load_ahead_of_the_model_but_not_everything():
    loaded = []

    class Counted(Encoder):
        def load_image(self, path):
            loaded.append((path, threading.current_thread()))
            return super().load_image(path)
    encoding = encode_items(Counted(), [item('image', str(k))
                                        for k in range(40)], False, 1)
    next(encoding)
    encoding.close()
    # Batches of two: one was taken, two more could wait.
    assert 2 <= len(loaded) <= 6
    assert all(thread is not threading.main_thread() for _, thread in loaded)


def test_an_error_of_another_kind_ends_it():
    class Failing(Encoder):
        def load_image(self, path):
            raise KeyError(path)
    with pytest.raises(KeyError):
        list(encode_items(Failing(), [item('image', '1')], False, 2))


def test_fewer_than_no_threads_are_refused():
    with pytest.raises(ValueError, match='0 or more, got -1'):
        list(encode_items(Encoder(), [], False, -1))
