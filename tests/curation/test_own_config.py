"""What the configuration of a user's own data is put together from."""
from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from chtn_plugin.curation.own_config import write_config
from chtn_plugin.curation.own_recipe import names_advice
from chtn_plugin.datasets.manifest import PairRecord

transformers = pytest.importorskip('transformers')

ROOT = Path(__file__).parents[2]
SIZE = 32
VIT = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
           intermediate_size=8, image_size=SIZE, patch_size=16)
PIXELS = ('{"image_mean": [0.5, 0.4, 0.2], "image_std": [0.2, 0.2, 0.4], '
          '"size": {"height": 32, "width": 32}}')


def save(root, name, **architecture):
    """A random model as ``save_pretrained`` leaves it; its folder."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(name, **architecture)
    transformers.AutoModel.from_config(config).save_pretrained(root / name)
    (root / name / 'preprocessor_config.json').write_text(PIXELS)
    return root / name


@pytest.fixture
def written(tmp_path):
    """Writes a configuration for four pairs of two classes; its content."""
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / '_base_').symlink_to(ROOT / 'configs' / '_base_')
    records = [PairRecord(str(k), 'train', ('ab'[k % 2], ), f'{k}.png',
                          ('x', ), '') for k in range(4)]

    def write(**options):
        path = tmp_path / 'configs' / 'own.py'
        write_config(path, tmp_path / 'own', 'manifest.tsv', records,
                     **options)
        return Config.fromfile(str(path))
    return write


@pytest.mark.parametrize('pairs, width, dropout, rate', [
    (999, 256, 0.5, 0.05), (1000, 512, 0.7, 0.03)])
def test_a_thousand_pairs_get_wider_layers(tmp_path, pairs, width, dropout,
                                           rate):
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs' / '_base_').symlink_to(ROOT / 'configs' / '_base_')
    records = [PairRecord(str(k), 'train', ('ab'[k % 2], ), f'{k}.png',
                          ('x', ), '') for k in range(pairs)]
    path = tmp_path / 'configs' / 'own.py'
    write_config(path, tmp_path / 'own', 'manifest.tsv', records,
                 images=str(save(tmp_path, 'vit', **VIT)), texts='words')
    config = Config.fromfile(str(path))
    assert config.model.common_head.widths == (width, width)
    assert config.model.image_pathway.dropout == dropout
    assert config.optim_wrapper.optimizer.lr == rate
    # Maps of counted words are kept near their start.
    ridge, keys = ((None, None) if pairs < 1000 else
                   (3.0, dict(instance=dict(lr_mult=0.3))))
    assert config.model.instance.get('ridge') == ridge
    assert config.optim_wrapper.paramwise_cfg.get('custom_keys') == keys


def test_nothing_but_the_pairs(written):
    config = written()
    assert config.train_dataloader.dataset.type == 'CrossModalDataset'
    assert config.model.backbone.type == 'SmallConvNet'
    assert config.model.source_pathway is None and config.model.mmd is None
    assert config.model.num_classes == 2
    assert 'feature_cache' not in config.default_hooks


def test_class_folders_become_the_source_domain(written, source):
    config = written(source=source)
    made = config.train_dataloader.dataset
    assert made.type == 'HybridTransferDataset'
    assert made.target.split == 'train'
    assert made.target.unpaired == 'drop'
    assert made.source.data_root == str(source)
    assert made.source.ann_file == ''
    assert made.source.pipeline == made.target.pipeline
    assert config.model.source_pathway == 'image'
    assert config.model.mmd.type == 'MMDLoss'
    assert config.model.cls_weights == dict(source=0.1)
    # Folders a and b.
    assert config.model.num_source_classes == made.source.num_classes == 2


def test_list_becomes_the_source_domain(written, source):
    (source / 'list.txt').write_text('a/0.png 0\nb/1.png 6\n')
    config = written(source=source)
    assert config.train_dataloader.dataset.source.ann_file == 'list.txt'
    assert config.model.num_source_classes == 7


def test_validation_and_test_know_no_source(written, source):
    config = written(source=source)
    for loader in (config.val_dataloader, config.test_dataloader):
        assert loader.dataset.type == 'CrossModalDataset'


def test_source_without_images_is_named(written, tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(ValueError, match='class folders with images: .*empty'):
        written(source=tmp_path / 'empty')
    with pytest.raises(FileNotFoundError, match='--source'):
        written(source=tmp_path / 'none')


def test_broken_source_list_is_named(written, source):
    (source / 'list.txt').write_text('a/0.png\n')
    with pytest.raises(ValueError, match=r"list\.txt:1 reads 'a/0\.png'"):
        written(source=source)


def test_backbone_brings_its_pixels(written, tmp_path):
    config = written(images=str(save(tmp_path, 'vit', **VIT)))
    assert config.model.backbone == dict(type='HFVisionBackbone',
                                         model=str(tmp_path / 'vit'))
    assert config.model.trunk_mode == 'frozen'
    assert config.model.input_shape == (3, SIZE, SIZE)
    # Of pixels 0 to 255: 255 * 0.5 and so on.
    assert config.model.data_preprocessor.mean == [127.5, 102., 51.]
    assert config.model.data_preprocessor.std == [51., 51., 102.]
    assert config.train_dataloader.dataset.pipeline[-1].crop_size == SIZE


@pytest.mark.parametrize('name, architecture, pooling', [
    ('vit', VIT, 'cls'),
    ('convnext', dict(hidden_sizes=[4, 8], depths=[1, 1], num_stages=2),
     'average'),
    ('siglip_vision_model', VIT, 'average')])
def test_pooling_fits_the_output(written, tmp_path, name, architecture,
                                 pooling):
    config = written(images=str(save(tmp_path, name, **architecture)))
    assert config.model.pooling == pooling


def test_features_are_cached_unless_a_source_streams_by(written, tmp_path,
                                                        source):
    vit = str(save(tmp_path, 'vit', **VIT))
    assert (written(images=vit).default_hooks.feature_cache.type
            == 'FeatureCacheHook')
    both = written(images=vit, source=source)
    # Five pictures pass once too; they are fewer than the draws.
    assert (both.default_hooks.feature_cache.type == 'FeatureCacheHook')
    assert both.model.num_source_classes == 2
    assert both.model.backbone.type == 'HFVisionBackbone'


def test_backbone_that_cannot_be_had_says_what_to_do(written, tmp_path):
    with pytest.raises(FileNotFoundError, match='hf download'):
        written(images='nobody/nothing')


def test_backbone_that_reads_texts_is_refused(written, tmp_path):
    bert = save(tmp_path, 'bert', hidden_size=8, num_hidden_layers=1,
                num_attention_heads=2, intermediate_size=8, vocab_size=9)
    with pytest.raises(ValueError, match='must be a vision model'):
        written(images=str(bert))


def test_backbone_must_say_what_pixels_it_expects(written, tmp_path):
    vit = save(tmp_path, 'vit', **VIT)
    (vit / 'preprocessor_config.json').unlink()
    with pytest.raises(ValueError, match='preprocessor_config.json'):
        written(images=str(vit))


def test_lines_are_short(written, tmp_path, source):
    for options in ({}, dict(source=source),
                    dict(images=str(save(tmp_path, 'vit', **VIT)))):
        written(**options)
        long = [line for line in
                (tmp_path / 'configs/own.py').read_text().splitlines()[1:]
                if len(line) > 79 and str(tmp_path) not in line]
        assert long == []


def test_what_is_said_of_names_turns_them_on(written):
    config = written()
    told = names_advice(Path('a.py'), dict(type='EfficientNetLite0'),
                        dict(type='HFTextEncoder'), 'offline')
    words = shlex.split(told.splitlines()[2])
    options = dict(word.split('=') for word in words
                   if word.startswith('model.'))
    config.merge_from_dict(options)
    assert config.model.class_prior.type == 'ClassNamePrior'
