"""Every registered method keeps the contract; breaches are named."""
import pytest
import torch
from mmengine.registry import MODELS

from chtn_plugin.models import Encoded, TwoTowerModel
from chtn_plugin.studies import MethodError, check_method
from chtn_plugin.studies.check_method import CHECKS

_FEATURES = dict(
    trunk=dict(input_shape=(6, )),
    text_encoder=dict(type='VectorTextEncoder', out_features=5, norm=None))
_CHTN = dict(
    type='CHTN', num_classes=2, input_shape=(6, ), num_source_classes=3,
    text_encoder=dict(type='VectorTextEncoder', out_features=5),
    image_pathway=dict(type='Pathway', widths=(8, 8)),
    common_head=dict(type='CommonHead', widths=(8, 8)))
#: A small configuration of each method, and what else it needs.
METHODS = {
    'CHTN': dict(config=_CHTN, source_classes=3),
    'CHTN, instance part': dict(
        config=dict(_CHTN, similarity='dot', source_pathway=None,
                    instance=dict(type='InstanceMaps')),
        hooks=[dict(type='FitHook'), dict(type='BalanceHook')]),
    'CHTN, regression': dict(
        config=dict(_CHTN, similarity='dot', source_pathway=None,
                    regression=dict(type='ClassRegression')),
        hooks=[dict(type='FitHook')]),
    'CHTN, regression with a kernel': dict(
        config=dict(_CHTN, similarity='dot', source_pathway=None,
                    regression=dict(type='ClassRegression', centroids=4)),
        hooks=[dict(type='FitHook')]),
    'CHTN, dot': dict(config=dict(_CHTN, similarity='dot',
                                  source_pathway=None)),
    **{name: dict(config=dict(_FEATURES, type=name, num_classes=2))
       for name in ('SemanticMatching', 'NearestClassMean', 'ShrunkenLDA',
                    'RBFLeastSquares', 'ThreeViewCCA')},
    **{name: dict(config=dict(_FEATURES, type=name))
       for name in ('CCA', 'KernelCCA', 'ASIF', 'RidgeMap', 'SupCon')},
    **{name: dict(config=dict(_FEATURES, type=name, num_classes=2))
       for name in ('SelfTraining', 'DeepSM', 'DSCMR', 'ACMR',
                    'PairContrast')},
    'MHTN': dict(config=dict(
        _FEATURES, type='MHTN', num_classes=2, widths=(8, 8),
        adversary_widths=(8, 8))),
    'DCKT': dict(config=dict(
        _FEATURES, type='DCKT', num_classes=2, num_source_classes=3,
        widths=(8, 8)), source_classes=3, source_pairs=True),
    'DCCA': dict(config=dict(_FEATURES, type='DCCA', widths=(8, 3))),
}


def test_every_method_of_the_package_is_checked():
    from chtn_plugin import methods
    assert set(methods.__all__) == {
        each['config']['type'] for each in METHODS.values()}


@pytest.mark.parametrize('name', METHODS)
def test_method_keeps_the_contract(name):
    assert check_method(**METHODS[name], ranks=1) == list(CHECKS)


@pytest.mark.gpu
@pytest.mark.parametrize('name', METHODS)
def test_method_keeps_the_contract_on_a_gpu(name):
    assert torch.cuda.is_available()
    assert check_method(**METHODS[name], ranks=1) == list(CHECKS)


@pytest.mark.slow
@pytest.mark.parametrize('name', METHODS)
def test_ranks_of_the_method_agree(name):
    others = [check for check in CHECKS if check != 'ranks']
    assert check_method(**METHODS[name], ranks=2, skip=others) == ['ranks']


class Plain(TwoTowerModel):
    """Two linear maps under a cosine loss; the methods below break it."""

    def __init__(self, trunk, text_encoder):
        super().__init__(trunk, text_encoder)
        self.image_map = torch.nn.Linear(self.image_size, 4)
        self.text_map = torch.nn.Linear(self.text_size, 4)

    def encode_image(self, image):
        return Encoded(self.image_map(self.image_features(image)).float())

    def encode_text(self, text):
        return Encoded(self.text_map(self.text_features(text)).float())

    def loss(self, inputs, data_samples):
        pair = self.encode_pair(inputs['image'], inputs['text'])
        return dict(loss_pair=1 - torch.cosine_similarity(
            pair['image'].repr, pair['text'].repr).mean())


class HalfRepresentation(Plain):
    def encode_text(self, text):
        return Encoded(self.text_map(self.text_features(text)))


class BatchDependent(Plain):
    def encode_image(self, image):
        rows = self.image_map(self.image_features(image)).float()
        return Encoded(rows - rows.mean(0))


class OtherSize(Plain):
    def encode_image(self, image):
        return Encoded(self.image_features(image).float())


class IdleParameter(Plain):
    def __init__(self, trunk, text_encoder):
        super().__init__(trunk, text_encoder)
        self.idle = torch.nn.Linear(2, 2)


class PromisedClassifier(Plain):
    def __init__(self, trunk, text_encoder):
        super().__init__(trunk, text_encoder)
        self.num_classes = 2


class NoLoss(Plain):
    def loss(self, inputs, data_samples):
        return dict(distance=self.image_map.weight.sum())


@pytest.fixture(autouse=True, scope='module')
def registered():
    made = [Plain, HalfRepresentation, BatchDependent, OtherSize,
            IdleParameter, PromisedClassifier, NoLoss]
    for method in made:
        MODELS.register_module(module=method)
    yield
    for method in made:
        MODELS.module_dict.pop(method.__name__)


def test_a_method_without_classes_may_keep_it():
    assert 'search' in check_method(dict(_FEATURES, type='Plain'), ranks=1)


@pytest.mark.parametrize('method, rule', [
    ('HalfRepresentation', 'float32 in mixed precision too, encode_text'),
    ('BatchDependent', 'encoded alike in any batch: encode_image'),
    ('OtherSize', r'share one representation size, got \[4, 6\]'),
    ('IdleParameter', r"\['idle.weight', 'idle.bias'\] get none"),
    ('PromisedClassifier', 'gives None, num_classes is 2'),
    ('NoLoss', r'"loss" in its name, got \[\'distance\'\]'),
])
def test_a_broken_rule_is_named(method, rule):
    with pytest.raises(MethodError, match=rule):
        check_method(dict(_FEATURES, type=method), ranks=1)


def test_pictures_are_refused_in_words():
    config = dict(_FEATURES, type='Plain', trunk=dict(
        backbone=dict(type='SmallConvNet', channels=(2, )),
        input_shape=(1, 4, 4), pooling='average'))
    with pytest.raises(MethodError, match=r'ready features: .*\(1, 4, 4\)'):
        check_method(config)


def test_unknown_check_cannot_be_skipped():
    with pytest.raises(KeyError, match='speed'):
        check_method(_CHTN, skip=['speed'])
