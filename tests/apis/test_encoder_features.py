"""Features of named encoders: the file, resuming, and training on it."""
from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from tiny_data import write_picture
from tiny_run import run_tool
from tiny_towers import write_hf_folders

from chtn_plugin.apis import encoder_features
from chtn_plugin.apis.encoder_features import Extraction, extract_features
from chtn_plugin.datasets import FeaturePairDataset
from chtn_plugin.models import HFTextEncoder, HFVisionBackbone


@pytest.fixture(scope='module')
def towers(tmp_path_factory):
    root = tmp_path_factory.mktemp('towers')
    write_hf_folders(root)
    (root / 'vit' / 'preprocessor_config.json').write_text(
        '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.2, 0.2, 0.2], '
        '"size": {"height": 32, "width": 32}}')
    return root


@pytest.fixture
def manifest(tmp_path):
    """Six pictures of two classes: 3 train, 1 validates, 2 test."""
    rows = ['id\tsplit\tclass\timage\ttext']
    for k, split in enumerate(['train'] * 3 + ['val'] + ['test'] * 2):
        write_picture(tmp_path / 'data' / f'{k}.png', 30 * k, 40)
        texts = ('a cat sits ||| cat and dog' if k == 0 else
                 ('two dogs run', 'a bird')[k % 2])
        rows.append(f'p{k}\t{split}\t{"ab"[k % 2]}\t{k}.png\t{texts}')
    rows.append('lone\ttrain\ta\t\ta bird')
    path = tmp_path / 'data' / 'pairs.tsv'
    path.write_text('\n'.join(rows) + '\n')
    return path


def options(towers, tmp_path, **given):
    return Extraction(**dict(dict(
        images=str(towers / 'vit'), texts=str(towers / 'bert'),
        cache=str(tmp_path / 'cache'), batch_size=2), **given))


def test_file_holds_splits_labels_texts_and_classes(towers, manifest,
                                                    tmp_path):
    out = tmp_path / 'out.npz'
    found = extract_features(manifest, out, options(towers, tmp_path))
    assert found['rows'] == dict(train=3, val=1, test=2)
    assert found['left_out'] == 1
    with np.load(out) as arrays:
        assert arrays['image_train'].shape == (3, 8)
        assert arrays['text_test'].shape == (2, 8)
        assert arrays['image_train'].dtype == np.float32
        assert arrays['classes'].tolist() == ['a', 'b']
        assert arrays['label_train'].tolist() == [0, 1, 0]
        assert arrays['id_test'].tolist() == ['p4', 'p5']
        assert arrays['content_train'][0] == 'a cat sits cat and dog'
        assert arrays['path_val'].tolist() == ['3.png']
        assert json.loads(str(arrays['meta']))['text_mode'] == 'join'


def test_features_are_those_of_the_encoders(towers, manifest, tmp_path):
    extract_features(manifest, tmp_path / 'out.npz',
                     options(towers, tmp_path))
    with np.load(tmp_path / 'out.npz') as arrays:
        image, text = arrays['image_val'], arrays['text_val']
    # Picture 3 is of one grey, 90 of 255; the text is that of odd numbers.
    pixels = torch.full((1, 3, 32, 32), (90 - 127.5) / 51)
    from chtn_plugin.text import HFTokens
    with torch.no_grad():
        states = HFVisionBackbone(str(towers / 'vit')).eval()(pixels)
        vector = HFTextEncoder(str(towers / 'bert'), normalized=True,
                               frozen=True)(
            HFTokens(str(towers / 'bert'), 16)(['a bird']))
    np.testing.assert_allclose(image, states[:, 0].numpy(), atol=1e-5)
    np.testing.assert_allclose(text, vector.numpy(), atol=1e-5)


def test_each_text_is_a_row_beside_its_partners(towers, manifest, tmp_path):
    out = tmp_path / 'out.npz'
    extract_features(manifest, out, options(towers, tmp_path,
                                            text_mode='each'))
    with np.load(out) as arrays:
        assert arrays['partner_train'].tolist() == [0, 0, 1, 2]
        assert (arrays['image_train'][0] == arrays['image_train'][1]).all()
        assert (arrays['text_train'][0] != arrays['text_train'][1]).any()
    batch = FeaturePairDataset(str(out)).__getitems__([0, 1, 2])
    assert batch['data_samples']['image_idx'].tolist() == [0, 0, 2]
    assert batch['data_samples']['text_idx'].tolist() == [0, 1, 2]


def test_interrupted_run_goes_on(towers, manifest, tmp_path, monkeypatch):
    seen = []
    forward = HFVisionBackbone.forward

    def counted(self, images):
        # Three pictures a batch; the trunk's own trials have one or two.
        if len(images) == 3 and 3 in seen:
            raise KeyboardInterrupt
        seen.append(len(images))
        return forward(self, images)
    monkeypatch.setattr(HFVisionBackbone, 'forward', counted)
    chosen = options(towers, tmp_path, batch_size=3)
    with pytest.raises(KeyboardInterrupt):
        seen.clear()
        extract_features(manifest, tmp_path / 'out.npz', chosen)
    assert not (tmp_path / 'out.npz').exists()
    monkeypatch.setattr(HFVisionBackbone, 'forward', forward)
    passed = []
    monkeypatch.setattr(HFVisionBackbone, 'forward', lambda self, images: (
        passed.append(len(images)), forward(self, images))[1])
    extract_features(manifest, tmp_path / 'out.npz', chosen)
    extract_features(manifest, tmp_path / 'again.npz', chosen)
    # The trials apart, each picture passed once in all.
    whole = [count for count in seen + passed if count > 2]
    assert sum(whole) == 6
    for one, two in zip(*(np.load(tmp_path / name).items()
                          for name in ('out.npz', 'again.npz')),
                        strict=True):
        assert (one[1] == two[1]).all()


def test_texts_are_encoded_once(towers, manifest, tmp_path, monkeypatch):
    chosen = options(towers, tmp_path)
    extract_features(manifest, tmp_path / 'out.npz', chosen)
    monkeypatch.setattr(HFTextEncoder, 'encode', None)
    extract_features(manifest, tmp_path / 'again.npz', chosen)


def test_bf16_is_near_and_kept_apart(towers, manifest, tmp_path):
    for name, bf16 in (('a', False), ('b', True)):
        extract_features(manifest, tmp_path / f'{name}.npz',
                         options(towers, tmp_path, bf16=bf16))
    a, b = (np.load(tmp_path / f'{name}.npz') for name in 'ab')
    for part in ('image_train', 'text_train'):
        assert not np.array_equal(a[part], b[part])
        np.testing.assert_allclose(a[part], b[part], atol=0.1)


def test_characters_are_fitted_to_the_training_texts(towers, manifest,
                                                     tmp_path):
    extract_features(manifest, tmp_path / 'out.npz',
                     options(towers, tmp_path, texts='characters'))
    with np.load(tmp_path / 'out.npz') as arrays:
        assert arrays['text_train'].shape == (3, 1000)
        norms = np.linalg.norm(arrays['text_test'], axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-6)


def test_several_classes_are_several_columns(towers, manifest, tmp_path):
    manifest.write_text(manifest.read_text().replace('\ta\t', '\ta;c\t'))
    extract_features(manifest, tmp_path / 'out.npz',
                     options(towers, tmp_path, label_separator=';'))
    data = FeaturePairDataset(str(tmp_path / 'out.npz'), split='test')
    assert data.metainfo['classes'] == ('a', 'b', 'c')
    assert data.label.tolist() == [[1, 0, 1], [0, 1, 0]]


def test_many_classes_are_lists_not_a_matrix(towers, manifest, tmp_path,
                                             monkeypatch):
    manifest.write_text(manifest.read_text().replace('\ta\t', '\ta;c\t'))
    chosen = options(towers, tmp_path, label_separator=';')
    extract_features(manifest, tmp_path / 'matrix.npz', chosen)
    monkeypatch.setattr(encoder_features, 'MAX_LABEL_MATRIX', 0)
    monkeypatch.setattr(encoder_features, '_LIST_BYTES', 0)
    extract_features(manifest, tmp_path / 'lists.npz', chosen)
    with np.load(tmp_path / 'lists.npz') as arrays:
        assert arrays['label_test_indices'].tolist() == [0, 2, 1]
        assert arrays['label_test_indptr'].tolist() == [0, 2, 3]
        assert 'label_test' not in arrays
    for split in ('train', 'val', 'test'):
        one, other = (FeaturePairDataset(str(tmp_path / name), split=split)
                      for name in ('matrix.npz', 'lists.npz'))
        assert torch.equal(one.label, other.label)
        assert one.metainfo == other.metainfo


def test_learning_from_scratch_makes_no_features(manifest, tmp_path):
    with pytest.raises(ValueError, match="'scratch' is one that training"):
        extract_features(manifest, tmp_path / 'o.npz',
                         Extraction(images='scratch', texts='words'))


@pytest.mark.parametrize('given, reason', [
    (dict(text_mode='first'), 'text_mode must be one of'),
    (dict(batch_size=0), 'batch_size must be positive')])
def test_wrong_option_is_refused(given, reason):
    with pytest.raises(ValueError, match=reason):
        Extraction(**given)


def test_tools_go_from_a_folder_to_a_configuration(towers, manifest,
                                                   tmp_path):
    from pathlib import Path

    from mmengine.config import Config
    from mmengine.registry import DATASETS, MODELS
    out = tmp_path / 'features.npz'
    status, said, err = run_tool(
        'extract_features', manifest.parent, '--images', towers / 'vit',
        '--texts', towers / 'bert', '--cache', tmp_path / 'cache', '--out',
        out)
    # No manifest.tsv and no class folders: the table pairs.tsv is read.
    assert status == 0, err
    assert 'encoders: pictures by' in said and 'pairs' in said
    configs = tmp_path / 'configs'
    configs.mkdir()
    (configs / '_base_').symlink_to(
        Path(__file__).parents[2] / 'configs' / '_base_')
    status, said, err = run_tool('make_manifest', out, '--config',
                                 configs / 'own.py')
    assert status == 0, err
    assert 'tools/train.py' in said
    config = Config.fromfile(str(configs / 'own.py'))
    assert config.model.input_shape == (8, )
    data = DATASETS.build(config.train_dataloader.dataset)
    assert data.inputs['image'].norm(dim=1).tolist() == pytest.approx(
        [1] * len(data))
    assert MODELS.build(config.model).num_classes == 2


@pytest.mark.parametrize('arguments, reason', [
    (['--cache', 'x'], '--cache goes with --images or --texts'),
    (['--images', 'offline', '--tap', 'fc7'], 'belong to a run')])
def test_options_of_the_other_use_are_refused(tmp_path, arguments, reason):
    status, _, err = run_tool('extract_features', tmp_path, '--out', 'o.npz',
                              *arguments)
    assert status == 2 and reason in err


def test_encoder_that_cannot_be_had_is_one_line(manifest, tmp_path):
    status, _, err = run_tool('extract_features', manifest, '--images',
                              'nobody/nothing', '--texts', 'words', '--out',
                              tmp_path / 'o.npz')
    assert status == 1
    assert err.splitlines()[-1].startswith("error: 'nobody/nothing' is no")


def test_pairs_without_a_class_have_label_minus_1(towers, manifest, tmp_path):
    manifest.write_text(manifest.read_text().replace(
        'p0\ttrain\ta', 'p0\ttrain\t'))
    extract_features(manifest, tmp_path / 'out.npz',
                     options(towers, tmp_path))
    with np.load(tmp_path / 'out.npz') as arrays:
        assert arrays['label_train'].tolist() == [-1, 1, 0]
        assert arrays['classes'].tolist() == ['a', 'b']


def test_pairs_without_a_class_are_rows_of_nan_among_several(
        towers, manifest, tmp_path):
    manifest.write_text(manifest.read_text().replace(
        'p0\ttrain\ta', 'p0\ttrain\t').replace('\ta\t', '\ta;c\t'))
    extract_features(manifest, tmp_path / 'out.npz',
                     options(towers, tmp_path, label_separator=';'))
    with np.load(tmp_path / 'out.npz') as arrays:
        assert np.isnan(arrays['label_train']).all(1).tolist() == [
            True, False, False]


def test_pairs_of_which_none_has_a_class_have_features(towers, manifest,
                                                       tmp_path):
    manifest.write_text(manifest.read_text().replace('\ta\t', '\t\t')
                        .replace('\tb\t', '\t\t'))
    extract_features(manifest, tmp_path / 'out.npz',
                     options(towers, tmp_path))
    with np.load(tmp_path / 'out.npz') as arrays:
        assert arrays['label_train'].tolist() == [-1, -1, -1]
        assert arrays['classes'].tolist() == []
