"""Each picture beside its mirror image."""
from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from chtn_plugin.engine.hooks import MirroredTestHook
from chtn_plugin.models import CrossModalModel
from chtn_plugin.models.cross_modal_model import Encoded


class _LeftColumn(CrossModalModel):
    """An image is the left column of its first channel."""

    def encode_image(self, image):
        return Encoded(image[:, 0, :, 0])

    def encode_text(self, text):
        return Encoded(text)

    def loss(self, inputs, data_samples):
        raise NotImplementedError


#: Left column (3, 4), right column (0, 2).
_IMAGE = torch.tensor([[[[3., 0.], [4., 2.]]]])
_SAMPLES = dict(sample_idx=[0], image_idx=torch.tensor([0]),
                text_idx=torch.tensor([0]))


def predicted(similarity, image=_IMAGE):
    model = _LeftColumn(similarity=similarity)
    runner = SimpleNamespace(model=model)
    hook = MirroredTestHook()
    hook.before_test_epoch(runner)
    item, = model.predict(dict(image=image, text=torch.ones(1, 2)), _SAMPLES)
    hook.after_test_epoch(runner)
    assert not model.mirrored
    return item['image_repr'].tolist()


@pytest.mark.parametrize('similarity, mean', [
    ('dot', [1.5, 3.]), ('cosine', [.3, .9])])
def test_vectors_are_averaged(similarity, mean):
    # Of length 1: (.6, .8) and (0, 1).
    assert predicted(similarity) == pytest.approx(mean)


def test_ready_features_have_no_mirror_image():
    model = _LeftColumn()
    model.mirrored = True
    with pytest.raises(ValueError, match=r'need pictures.*\(1, 2\)'):
        model._with_mirror_image(torch.ones(1, 2), torch.ones(1, 2))
