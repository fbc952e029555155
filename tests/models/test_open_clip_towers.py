"""Towers of open_clip give what that package gives."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

open_clip = pytest.importorskip('open_clip')

from open_clip_folder import write_open_clip  # noqa: E402

from chtn_plugin.apis import RetrievalInferencer  # noqa: E402
from chtn_plugin.models.open_clip_towers import (  # noqa: E402
    OpenCLIPText,
    OpenCLIPVision,
)
from chtn_plugin.models.tower_configs import tower_configs  # noqa: E402
from chtn_plugin.text.open_clip_tokens import OpenCLIPTokens  # noqa: E402

TEXTS = ['a bird', 'two dogs run over a long and winding road', '']


@pytest.mark.parametrize('options', [
    dict(), dict(resize_mode='squash', interpolation='bilinear')])
def test_vectors_are_those_of_the_package_itself(tmp_path, options):
    name = write_open_clip(tmp_path / 'model', **options)
    rng = np.random.default_rng(0)
    paths = [tmp_path / f'{k}.png' for k in range(3)]
    for k, path in enumerate(paths):
        Image.fromarray(rng.integers(0, 256, (50, 70 + 3 * k, 3), np.uint8)
                        ).save(path)
    model = RetrievalInferencer.from_towers(name, show_progress=False)
    theirs, prepare = open_clip.create_model_from_pretrained(
        name.removeprefix('open_clip:'))
    theirs.eval()
    with torch.no_grad():
        image = theirs.encode_image(torch.stack(
            [prepare(Image.open(path)) for path in paths]))
        text = theirs.encode_text(open_clip.SimpleTokenizer(
            context_length=8)(TEXTS))
    assert np.abs(model.encode_images(paths) - image.numpy()).max() < 1e-5
    assert np.abs(model.encode_texts(TEXTS) - text.numpy()).max() < 1e-5


def test_towers_are_rebuilt_without_the_folder(tmp_path):
    name = write_open_clip(tmp_path / 'model')
    tokens = OpenCLIPTokens(8)(TEXTS)
    for kind, given in ((OpenCLIPText, tokens),
                        (OpenCLIPVision, torch.rand(2, 3, 32, 32))):
        one = kind(name)
        other = kind(architecture=one.architecture)
        other.load_state_dict(one.state_dict())
        assert torch.equal(one(given), other(given))
        one.train()
        assert not one.training


def test_a_way_of_resizing_that_is_not_known_is_refused(tmp_path):
    name = write_open_clip(tmp_path / 'model', resize_mode='longest')
    with pytest.raises(ValueError, match="resizes pictures by 'longest'"):
        tower_configs(name)
