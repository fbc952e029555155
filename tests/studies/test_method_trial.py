"""The made-up features on which a method is tried."""
from __future__ import annotations

import numpy as np
import pytest

from chtn_plugin.studies.method_trial import (
    BATCH,
    MethodError,
    Trial,
    require,
)

CONFIG = dict(type='DeepSM', num_classes=2, widths=(4, 3),
              trunk=dict(input_shape=(6, )), text_encoder=dict(
                  type='VectorTextEncoder', out_features=5, norm=None))


def trial(folder, source_classes=0, **options):
    return Trial(CONFIG, folder, source_classes, (), 1, **options)


def test_features_are_as_wide_as_the_towers(tmp_path):
    assert trial(tmp_path).sizes == dict(image=6, text=5)
    with np.load(tmp_path / 'pairs.npz') as arrays:
        assert arrays['image_train'].shape == (24, 6)
        assert arrays['text_test'].shape == (10, 5)
        assert arrays['label_val'].tolist() == [0, 1] * 3


def test_a_batch_is_the_same_each_time(tmp_path):
    made = trial(tmp_path)
    (inputs, samples), (again, _) = made.batch(), made.batch()
    assert inputs['image'].shape == (BATCH, 6)
    assert (inputs['text'] == again['text']).all()
    assert samples['label'].tolist() == [0, 1] * 4


@pytest.mark.parametrize('pairs', [False, True])
def test_a_source_joins_the_batch_where_there_is_one(tmp_path, pairs):
    made = trial(tmp_path, 3, source_pairs=pairs)
    inputs, samples = made.batch(source=True)
    assert samples['source_label'].tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert ('source_text' in inputs) is pairs
    assert 'source_image' not in made.batch()[0]


def test_the_model_has_the_same_weights_each_time(tmp_path):
    made = trial(tmp_path)
    one, other = (list(made.build().parameters()) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one, other, strict=True))


def test_a_rule_that_is_not_kept_is_raised():
    require(True, 'never said')
    with pytest.raises(MethodError, match='a rule'):
        require(False, 'a rule')
