"""Which settings a user's own data get."""
from __future__ import annotations

from pathlib import Path

import pytest

from chtn_plugin.curation.own_recipe import (
    are_few,
    names_advice,
    size_of_leaf,
)


def test_few_is_less_than_half():
    assert [are_few(labelled, 10) for labelled in (4, 5, 10)] == [
        True, False, False]


def test_few_labels_come_before_many_pairs():
    assert [size_of_leaf(few, wide) for few, wide in (
        (False, False), (False, True), (True, True))] == [
            '', '_wide', '_few']


@pytest.mark.parametrize(('encoder', 'texts', 'more'), [
    ('HFTextEncoder', 'offline', ' model.class_prior.text_weight=1'),
    ('VectorTextEncoder', 'words', '')])
def test_names_of_classes_are_turned_on_by_two_commands(encoder, texts, more):
    told = names_advice(Path('configs/my own.py'),
                        dict(type='EfficientNetLite0'), dict(type=encoder),
                        texts)
    make, train = told.splitlines()[1:]
    assert make == ("  python tools/make_class_prior.py 'configs/my own_names"
                    ".npz' --config 'configs/my own.py'")
    assert train == (
        "  python tools/train.py 'configs/my own.py' --cfg-options "
        'model.class_prior.type=ClassNamePrior '
        "model.class_prior.file='configs/my own_names.npz' "
        'model.class_prior.scale=16' + more)


def test_names_are_read_by_the_encoder_of_the_texts():
    told = names_advice(Path('a.py'), dict(type='EfficientNetLite0'),
                        dict(type='HFTextEncoder'), 'multilingual')
    assert '--config a.py --texts multilingual\n' in told


def test_names_need_a_classifier_on_the_pictures_vectors():
    assert names_advice(Path('a.py'), dict(type='ResNet'),
                        dict(type='HFTextEncoder'), 'offline') == ''
