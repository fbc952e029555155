"""AlexNet with batch normalisation from a .caffemodel becomes CHTN's start.

The files are written by the test itself; their fully connected layers are
narrow, 8 and 6 features and 5 classes.
"""
from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from caffe_files import blob, field, layer, old_layer
from mmengine.registry import MODELS

from chtn_plugin.models.conversion import (
    caffe_layers,
    caffemodel,
    fitted_to,
    read_caffemodel,
    start_weights,
)

SHAPES = dict(conv1=(96, 3, 11, 11), conv2=(256, 48, 5, 5),
              conv3=(384, 256, 3, 3), conv4=(384, 192, 3, 3),
              conv5=(256, 192, 3, 3), fc6=(8, 9216), fc7=(6, 8), fc8=(5, 6))
BACKBONE = dict(type='AlexNetBN', layout='caffe')
CONFIG = dict(
    type='CHTN', num_classes=2, num_source_classes=5,
    backbone=dict(type='AlexNetBN'),
    text_encoder=dict(type='VectorTextEncoder', out_features=3),
    image_pathway=dict(type='Pathway', widths=(8, 6)),
    common_head=dict(type='CommonHead', widths=(4, 4)))


@pytest.fixture(scope='module')
def arrays():
    """What each layer learned; statistics are stored times a factor of 4."""
    rng = np.random.default_rng(0)
    made = {'input': [rng.normal(size=3), rng.uniform(1, 2, 3)],
            'scale': [rng.uniform(1, 2, 3), rng.normal(size=3)]}
    for name, shape in SHAPES.items():
        fan_in = np.prod(shape[1:])
        made[name] = [rng.normal(size=shape) * (2 / fan_in)**.5,
                      rng.normal(size=shape[0])]
        made[f'{name}/bn'] = [rng.normal(size=shape[0]),
                              rng.uniform(1, 2, shape[0])]
    return made


def norm(name, bottom, top, arrays):
    mean, variance = arrays[name]
    return layer(name, 'BatchNorm', bottom, top, mean * 4, variance * 4, [4])


def net(arrays, leave_out=(), extra=b'', **replaced):
    """The file of the whole net; BatchNorm and ReLU work in place."""
    parts = {'input': norm('input', 'data', 'data_bn', arrays),
             'scale': layer('scale', 'Scale', 'data_bn', 'data_bn',
                            *arrays['scale'])}
    bottom = 'data_bn'
    for name in SHAPES:
        kind = 'InnerProduct' if name.startswith('fc') else 'Convolution'
        parts[name] = layer(name, kind, bottom, name, *arrays[name])
        if name != 'fc8':
            parts[f'{name}/bn'] = norm(f'{name}/bn', name, name, arrays)
            parts[f'{name}/relu'] = layer(f'{name}/relu', 'ReLU', name, name)
        bottom = name
        if name in ('conv1', 'conv2', 'conv5'):
            bottom = f'pool{name[-1]}'
            parts[bottom] = layer(bottom, 'Pooling', name, bottom)
    parts.update(replaced)
    return field(1, 'AlexNet') + b''.join(
        part for name, part in parts.items() if name not in leave_out) + extra


def converted(tmp_path, content):
    path = tmp_path / 'net.caffemodel'
    path.write_bytes(content)
    return start_weights(caffe_layers(read_caffemodel(path)))


@pytest.fixture(scope='module')
def weights(arrays, tmp_path_factory):
    return converted(tmp_path_factory.mktemp('caffe'), net(arrays))


def close(found, expected):
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_source_logits_are_those_of_the_net(arrays, weights):
    # The whole net once more, as Caffe computes it, from the arrays.
    t = {name: [torch.from_numpy(a).float() for a in values]
         for name, values in arrays.items()}

    def bn(x, name):
        return F.batch_norm(x, *t[name])
    x = image = torch.randn(1, 3, 224, 224,
                            generator=torch.Generator().manual_seed(0))
    scale, shift = (a.view(3, 1, 1) for a in t['scale'])
    x = bn(x, 'input') * scale + shift
    for name, stride, padding, groups in (
        ('conv1', 4, 0, 1), ('conv2', 1, 2, 2), ('conv3', 1, 1, 1),
        ('conv4', 1, 1, 2), ('conv5', 1, 1, 2)):
        x = F.conv2d(x, *t[name], stride, padding, groups=groups)
        x = bn(x, f'{name}/bn').relu()
        if name in ('conv1', 'conv2', 'conv5'):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
    x = x.flatten(1)
    for name in ('fc6', 'fc7'):
        x = bn(F.linear(x, *t[name]), f'{name}/bn').relu()
    expected = F.linear(x, *t['fc8'])

    model = MODELS.build(CONFIG).eval()
    model.load_state_dict(fitted_to(CONFIG, BACKBONE, weights), strict=False)
    source = model.source_pathway(model.trunk(image))['fc7']
    torch.testing.assert_close(model.source_classifier(source), expected,
                               rtol=1e-4, atol=1e-4)


def test_statistics_lose_their_factor(arrays, weights):
    close(weights['trunk.backbone.stages.2.norm.running_mean'],
          arrays['conv3/bn'][0])
    close(weights['image_pathway.norm_fc7.running_var'],
          arrays['fc7/bn'][1])


def test_both_image_pathways_start_alike(weights):
    for part in ('fc6.weight', 'norm_fc6.running_var', 'fc7.bias'):
        assert torch.equal(weights[f'image_pathway.{part}'],
                           weights[f'source_pathway.{part}'])


def test_every_statistic_of_trunk_and_pathways_is_there(weights):
    expected = {name for name in MODELS.build(CONFIG).state_dict()
                if name.startswith(('trunk', 'image_', 'source_'))
                and 'num_batches' not in name}
    assert set(weights) == expected


def test_input_norm_may_be_absent(arrays, tmp_path):
    made = converted(tmp_path, net(arrays, ('input', 'scale')))
    assert not [name for name in made if 'input_norm' in name]


def test_names_of_normalisations_do_not_matter(arrays, tmp_path):
    # A branch of other names, as the released target pathways, is passed by.
    branch = layer('fc6_t', 'InnerProduct', 'pool5', 'fc6_t', *arrays['fc6'])
    branch += layer('x', 'BatchNorm', 'fc6_t', 'x', *arrays['fc6/bn'], [1])
    made = converted(tmp_path, net(arrays, extra=branch))
    close(made['image_pathway.norm_fc6.running_mean'], arrays['fc6/bn'][0])


def test_normalisation_of_other_data_is_passed_by(arrays, tmp_path):
    # As the released text pathway's, which may come first.
    text = layer('t', 'BatchNorm', 'text', 'text', np.ones(7), np.ones(7), [1])
    made = converted(tmp_path, text + net(arrays))
    close(made['trunk.backbone.input_norm.running_mean'], arrays['input'][0])


def test_identical_scale_is_no_scale(arrays, weights, tmp_path):
    one = layer('s', 'Scale', 'conv2', 'conv2', np.ones(256), np.zeros(256))
    assert set(converted(tmp_path, net(arrays, extra=one))) == set(weights)


def test_scale_after_a_convolution_is_refused(arrays, tmp_path):
    two = layer('s', 'Scale', 'conv2', 'conv2', np.full(256, 2.),
                np.zeros(256))
    with pytest.raises(ValueError, match="layer 's' does it after 'conv2': "
                       'scales up to 2'):
        converted(tmp_path, net(arrays, extra=two))


def test_missing_layer_is_named(arrays, tmp_path):
    with pytest.raises(KeyError, match=r"missing: \['conv3', 'fc8'\]. The "
                       r"file has \['input', 'scale', 'conv1'"):
        converted(tmp_path, net(arrays, ('conv3', 'conv3/bn', 'fc8')))


def test_net_without_normalisation_is_refused(arrays, tmp_path):
    with pytest.raises(KeyError, match=r"none follows \['conv1', 'fc7'\]"):
        converted(tmp_path, net(arrays, ('conv1/bn', 'fc7/bn')))


def test_other_shape_is_named(weights):
    other = dict(CONFIG, num_source_classes=7)
    with pytest.raises(ValueError, match=r'must have the shapes of the '
                       r'model: source_classifier.weight is \(7, 6\) there '
                       r'and \(5, 6\) in the file'):
        fitted_to(other, BACKBONE, weights)


def test_statistics_without_a_place_are_named(weights):
    other = dict(CONFIG, backbone=dict(type='AlexNetBN', norm=False))
    with pytest.raises(ValueError, match='the model has no trunk.backbone.'
                       "input_norm.running_mean, .*'norm'"):
        fitted_to(other, BACKBONE, weights)


def one_layer(tmp_path, content):
    path = tmp_path / 'one.caffemodel'
    path.write_bytes(content)
    return read_caffemodel(path)[0]


@pytest.mark.parametrize('options', [dict(), dict(legacy=True),
                                     dict(double=True)])
def test_forms_of_a_blob(tmp_path, options):
    read = one_layer(tmp_path, layer('a', 'InnerProduct', 'x', 'y',
                                     [[1, 2, 3], [4, 5, 6]], **options))
    expected = (1, 1, 2, 3) if 'legacy' in options else (2, 3)
    assert read.blobs[0].shape == expected
    assert read.blobs[0].dtype == np.float32
    assert read.blobs[0].flatten().tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize('kind, name', [(4, 'Convolution'),
                                        (14, 'InnerProduct'), (18, '18')])
def test_old_format_is_read(tmp_path, kind, name):
    read = one_layer(tmp_path, old_layer('a', kind, 'x', 'y', [[1, 2]]))
    assert (read.name, read.type, read.bottoms, read.tops) == (
        'a', name, ('x', ), ('y', ))


def test_legacy_shapes_become_those_of_the_layer(arrays, tmp_path):
    legacy = layer('fc7', 'InnerProduct', 'fc6', 'fc7', *arrays['fc7'],
                   legacy=True)
    made = converted(tmp_path, net(arrays, fc7=legacy))
    assert made['image_pathway.fc7.weight'].shape == (6, 8)
    assert made['image_pathway.fc7.bias'].shape == (6, )


def test_larger_epsilon_goes_into_the_variance(arrays, tmp_path):
    bn = layer('b', 'BatchNorm', 'fc7', 'fc7', np.zeros(6), np.ones(6), [1],
               eps=0.5)
    made = converted(tmp_path, net(arrays, ('fc7/bn', ), bn))
    close(made['image_pathway.norm_fc7.running_var'], np.full(6, 1.49999))


@pytest.mark.parametrize('content', [b'', b'no net at all', b'\x89PNG\r\n',
                                     b'\x0a\x03abc', bytes(range(256))])
def test_other_file_is_refused(tmp_path, content):
    with pytest.raises(ValueError, match='one.caffemodel is no caffemodel'):
        one_layer(tmp_path, content)


def test_truncated_file_is_refused(arrays, tmp_path):
    with pytest.raises(ValueError, match='is no caffemodel'):
        one_layer(tmp_path, net(arrays)[:-5])


def test_blob_of_too_few_numbers_is_named(tmp_path):
    broken = field(5, b'\0' * 8) + field(7, field(1, b'\x03'))
    content = field(1, 'conv1') + field(7, broken)
    with pytest.raises(ValueError, match=r"layer 'conv1' has 2 for \(3,\)"):
        one_layer(tmp_path, field(100, content))
    assert len(blob([0, 0, 0])) > len(broken)


def test_statistics_of_another_form_are_named(arrays, tmp_path):
    two = layer('b', 'BatchNorm', 'fc7', 'fc7', np.zeros(6), np.ones(6))
    with pytest.raises(ValueError, match="BatchNorm 'b' must have mean, "
                       r'variance and one factor, .*\[\(6,\), \(6,\)\]'):
        converted(tmp_path, net(arrays, extra=two))


def test_missing_protobuf_is_told(tmp_path, monkeypatch):
    caffemodel.net_parameter.cache_clear()
    monkeypatch.setitem(sys.modules, 'google.protobuf', None)
    with pytest.raises(ModuleNotFoundError, match='needs protobuf: pip inst'):
        one_layer(tmp_path, b'')


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='not found: .*no.caffe'):
        read_caffemodel(tmp_path / 'no.caffemodel')
