"""Every image adapter with every text encoder: builds, learns, travels."""
from __future__ import annotations

import importlib.util
import io
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, TRANSFORMS
from tiny_towers import (
    IMAGES,
    SIZE,
    TEXT_TOWERS,
    TEXTS,
    in_folder,
    write_hf_folders,
)

from chtn_plugin.engine.hooks import ArchitectureHook

HAS_TIMM = importlib.util.find_spec('timm') is not None


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp('hf')
    write_hf_folders(root)
    return root


def config(image, text, root):
    """A whole CHTN of two towers, as a leaf would hold it."""
    backbone, pooling = IMAGES[image]
    transform, encoder = TEXT_TOWERS[text]
    widths = (8, 8)
    return Config(dict(
        transform=in_folder(transform, root),
        model=dict(
            type='CHTN', num_classes=2, num_source_classes=3,
            backbone=in_folder(backbone, root), pooling=pooling,
            input_shape=(3, SIZE, SIZE), trunk_mode='train',
            text_encoder=in_folder(encoder, root),
            image_pathway=dict(type='Pathway', widths=widths),
            common_head=dict(type='CommonHead', widths=widths))))


def fitted(cfg):
    transform = TRANSFORMS.build(cfg.transform)
    transform.fit(TEXTS)
    return transform


def batch(transform):
    generator = torch.Generator().manual_seed(0)
    size = (4, 3, SIZE, SIZE)
    return dict(
        inputs=dict(image=torch.rand(size, generator=generator),
                    source_image=torch.rand(size, generator=generator),
                    text=transform(TEXTS)),
        data_samples=dict(label=torch.tensor([0, 1, 0, 1]),
                          source_label=torch.tensor([0, 1, 2, 0]),
                          sample_idx=torch.arange(4),
                          image_idx=torch.arange(4),
                          text_idx=torch.arange(4)))


def total(model, data):
    torch.manual_seed(0)  # drop path and dropout of the towers
    losses = model(**data, mode='loss')
    return sum(v for k, v in losses.items() if k.startswith('loss'))


def embeddings(model, data):
    with torch.no_grad():
        items = model.eval()(data['inputs'], data['data_samples'], 'predict')
    return torch.stack([item[f'{name}_repr'] for item in items
                        for name in ('image', 'text')])


def pairs():
    for image in IMAGES:
        skip = pytest.mark.skipif(
            image.startswith('timm') and not HAS_TIMM,
            reason='timm is an extra: pip install timm --no-deps')
        for text in TEXT_TOWERS:
            yield pytest.param(image, text, marks=skip)


@pytest.mark.parametrize('image, text', pairs())
def test_builds_learns_and_travels(image, text, folders):
    cfg = config(image, text, folders)
    transform = fitted(cfg)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    data = batch(transform)

    # one small step against the gradient lowers the loss
    before = total(model, data)
    before.backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None for p in trained)
    square = sum(float(p.grad.square().sum()) for p in trained)
    step = min(1e-3, 1e-3 * float(before) / square)
    with torch.no_grad():
        for parameter in trained:
            parameter -= step * parameter.grad
    assert total(model, data) < before

    # a checkpoint alone gives the same embeddings
    ArchitectureHook().before_run(SimpleNamespace(model=model, cfg=cfg))
    file = io.BytesIO()
    torch.save(dict(cfg=cfg.pretty_text.replace(str(folders), '/gone'),
                    text=transform.state(), state_dict=model.state_dict()),
               file)
    file.seek(0)
    stored = torch.load(file, weights_only=True)
    torch.manual_seed(1)
    cfg = Config.fromstring(stored['cfg'], '.py')
    rebuilt = MODELS.build(cfg.model)
    rebuilt.load_state_dict(stored['state_dict'])
    transform = TRANSFORMS.build(cfg.transform)
    transform.load_state(stored['text'])
    assert torch.equal(embeddings(model, data),
                       embeddings(rebuilt, batch(transform)))
