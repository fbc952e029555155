"""What does not fit together is refused, through MMEngine's Runner."""
from __future__ import annotations

import base64
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import nn

from chtn_plugin.engine.hooks import ConsistencyHook
from chtn_plugin.engine.hooks.checks.consistency import _check_meta
from chtn_plugin.text import Tokenizer
from chtn_plugin.text.vocabulary import pack_words

TERMS = 8


def data(root, split, **options):
    return dict(
        batch_size=2, num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=dict(type='cross_modal_collate'),
        dataset=dict(
            type='CrossModalDataset', ann_file='pairs.tsv',
            data_root=str(root), split=split,
            pipeline=[dict(type='LoadImageFromFile')],
            text=dict(type='BagOfWords', num_terms=TERMS), **options))


def runner(root, train=None, test=None, load_from=None, **model):
    model = dict(
        dict(type='CHTN', num_classes=2, num_source_classes=2,
             backbone=dict(type='SmallConvNet', channels=(4, ),
                           in_channels=3), input_shape=(3, 4, 4),
             trunk_mode='train',
             text_encoder=dict(type='VectorTextEncoder', out_features=TERMS),
             image_pathway=dict(type='Pathway', widths=(4, 4)),
             common_head=dict(type='CommonHead', widths=(4, 4))), **model)
    parts = {}
    if train:
        parts.update(
            train_dataloader=train,
            train_cfg=dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)))
    if test:
        parts.update(test_dataloader=test, test_cfg=dict(),
                     test_evaluator=dict(type='RetrievalMetric'))
    os.environ.setdefault('LOCAL_RANK', '0')
    return Runner(model, str(root / 'work'), load_from=load_from,
                  custom_hooks=[dict(type='ConsistencyHook')],
                  default_hooks=dict(logger=None), log_level='ERROR',
                  experiment_name=f'{root.name}-{torch.rand(1).item()}',
                  cfg=dict(model=model, **parts), **parts)


@pytest.fixture
def checkpoint(pairs):
    """A checkpoint trained on ``pairs``."""
    made = runner(pairs, data(pairs, 'train'))
    made.train()
    made.save_checkpoint(str(pairs), 'trained.pth', by_epoch=True)
    return str(pairs / 'trained.pth')


def rewrite(root, old, new):
    path = root / 'pairs.tsv'
    path.write_text(path.read_text().replace(old, new))


def test_what_fits_passes(pairs, checkpoint):
    assert runner(pairs, test=data(pairs, 'test'),
                  load_from=checkpoint).test()


def test_model_of_other_classes_is_refused_before_training(pairs):
    with pytest.raises(ValueError, match=r'num_classes must match the data: '
                       r'the model has 3, the train data 2 \(bird, cat'):
        runner(pairs, data(pairs, 'train'), num_classes=3).train()


@pytest.fixture
def warnings(monkeypatch):
    heard = []
    for module in ('engine.hooks.checks.consistency', 'models.normalization'):
        monkeypatch.setattr(f'chtn_plugin.{module}.print_log',
                            lambda text, **options: heard.append(text))
    return heard


def test_other_channel_order_and_size_are_told_once(pairs, warnings):
    # Each of two epochs would be told else; mmcv loads 4 x 4 pixels, BGR.
    made = runner(pairs, data(pairs, 'train'), input_shape=(3, 8, 8),
                  pooling='average',
                  trunk=dict(normalization=dict(order='RGB')))
    made.train()
    made.train_loop.run()
    order, size = warnings
    assert 'expect: RGB; the data set loads BGR' in order
    assert '(3, 8, 8): ' in size and 'has (3, 4, 4)' in size


def test_expected_channel_order_and_size_are_silent(pairs, warnings):
    runner(pairs, data(pairs, 'train'),
           trunk=dict(normalization=dict(order='BGR'))).train()
    assert not warnings


def test_looking_at_an_image_leaves_the_randomness_alone(pairs):
    part = data(pairs, 'train')
    part['dataset']['pipeline'].append(
        dict(type='mmpretrain.RandomFlip', prob=0.5))
    made = runner(pairs, part)
    hook = next(hook for hook in made.hooks
                if isinstance(hook, ConsistencyHook))
    made.build_train_loop(made.train_loop)
    before = np.random.get_state()[2], torch.get_rng_state()
    hook.before_train(made)
    assert np.random.get_state()[2] == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_a_last_batch_of_one_pair_is_refused_before_training(pairs):
    alone = data(pairs, 'train')
    alone['batch_size'] = 3
    with pytest.raises(ValueError, match='last of 4 pairs in batches of 3 '
                       'stands alone.*drop_last'):
        runner(pairs, alone).train()
    runner(pairs, dict(alone, drop_last=True)).train()
    plain = dict(type='Pathway', widths=(4, 4), norm=False)
    runner(pairs, alone, image_pathway=plain, text_encoder=dict(
        type='VectorTextEncoder', out_features=TERMS, norm='l2')).train()


def test_batches_of_one_pair_are_refused_under_any_sampler(pairs):
    ones = data(pairs, 'train')
    ones.update(batch_size=1, drop_last=True, sampler=dict(
        type='PassSampler', shuffle=True, infinite=True))
    with pytest.raises(ValueError, match='two pairs at least'):
        runner(pairs, ones).train()


def test_a_frozen_random_trunk_is_told(pairs, warnings):
    runner(pairs, data(pairs, 'train'), trunk_mode='frozen').train()
    assert ["trunk_mode='frozen'" in text for text in warnings] == [True]


@MODELS.register_module()
class TestReadsInConstructor(nn.Module):
    """As docs/backbones.md has it: weights are read where it is built."""
    __test__ = False

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)
        self.layer.load_state_dict(dict(weight=torch.ones(4, 3, 3, 3),
                                        bias=torch.zeros(4)))

    def forward(self, images):
        return self.layer(images)


def test_weights_read_in_a_constructor_are_not_called_random(pairs, warnings):
    runner(pairs, data(pairs, 'train'), trunk_mode='frozen',
           backbone=dict(type='TestReadsInConstructor')).train()
    assert not [text for text in warnings if 'random' in text]


def test_custom_keys_of_no_parameter_are_told(pairs, warnings):
    made = runner(pairs, data(pairs, 'train'))
    made.cfg.optim_wrapper.paramwise_cfg = dict(custom_keys={
        'trunk.backbone': dict(lr_mult=0.1), 'trunk.backbon.': dict()})
    made.train()
    assert len(warnings) == 1 and "['trunk.backbon.'] are of none" in (
        warnings[0])


def _state(**files):
    return dict(text=dict(files={name: base64.b64encode(json.dumps(
        value).encode()).decode() for name, value in files.items()}))


@pytest.mark.parametrize('old, new, message', [
    (dict(text=dict(words=['a', 'b'])), dict(text=dict(words=['a', 'c'])),
     r"vocabulary .* first at number 1 \('b', 'c'\)"),
    (dict(text=dict(words=['a'])), dict(text=dict(terms=['a'], idf=[1])),
     r"text transform .* \['words'\], .* \['idf', 'terms'\]"),
    (_state(**{'tokenizer.json': dict(model=1)}),
     _state(**{'tokenizer.json': dict(model=2)}), 'another vocabulary'),
])
def test_another_vocabulary_of_any_transform_is_refused(old, new, message):
    with pytest.raises(ValueError, match=message):
        _check_meta(old, new)


def _packed(*words):
    return dict(text=dict(tokenizer=pack_words(Tokenizer(), words)))


def test_the_same_words_may_be_stored_by_an_earlier_version():
    _check_meta(dict(text=dict(words=['a', 'e\u0301'])),
                _packed('a', '\u00e9'))


def test_other_words_of_an_earlier_version_say_how_to_split_as_it_did():
    with pytest.raises(ValueError, match=r"number 0 \('भ', 'भाषा'\)\. It is "
                       r'of a version .* tokenizer=dict\(marks=False\)'):
        _check_meta(dict(text=dict(words=['भ', 'ष'])), _packed('भाषा'))


def test_other_words_of_this_version_are_refused():
    with pytest.raises(ValueError, match=r"number 0 \('a', 'b'\)$"):
        _check_meta(_packed('a'), _packed('b'))


def test_a_tokenizer_may_be_stored_by_another_release():
    _check_meta(_state(**{'tokenizer.json': dict(model=1, version=1)}),
                _state(**{'tokenizer.json': dict(model=1, version=2)}))


def test_model_of_other_classes_is_refused_before_testing(pairs):
    with pytest.raises(ValueError, match='the model has 3, the test data 2'):
        runner(pairs, test=data(pairs, 'test'), num_classes=3).test()


def test_model_of_too_few_source_classes_is_refused(pairs, source):
    loader = data(pairs, 'train')
    loader['dataset'] = dict(
        type='HybridTransferDataset', target=loader['dataset'],
        source=dict(type='SourceImageDataset', data_root=str(source),
                    pipeline=[dict(type='LoadImageFromFile')]))
    with pytest.raises(ValueError, match='num_source_classes must match the '
                       'data: the model has 1, the source 2'):
        runner(pairs, loader, num_source_classes=1).train()


def test_checkpoint_of_other_classes_is_refused(pairs, checkpoint):
    rewrite(pairs, '\tcat\t', '\tdog\t')
    with pytest.raises(ValueError, match=r'the classes of the data: .* '
                       r"first at number 1 \('cat', 'dog'\)"):
        runner(pairs, test=data(pairs, 'test'), load_from=checkpoint).test()


def test_checkpoint_of_classes_in_other_order_is_refused(pairs, checkpoint):
    with pytest.raises(ValueError, match="first at number 0"):
        runner(pairs, test=data(pairs, 'test', classes=['cat', 'bird']),
               load_from=checkpoint).test()


def test_checkpoint_of_another_vocabulary_is_refused(pairs, checkpoint):
    rewrite(pairs, 'word3', 'else')
    with pytest.raises(ValueError, match=r'the vocabulary of the data: it was'
                       r" trained with 6, the data have 6, .* number 2 "
                       r"\('word0', 'else'\)"):
        runner(pairs, test=data(pairs, 'test'), load_from=checkpoint).test()


def test_checkpoint_is_checked_before_training_goes_on(pairs, checkpoint):
    rewrite(pairs, '\tcat\t', '\tdog\t')
    with pytest.raises(ValueError, match='the classes of the data'):
        runner(pairs, data(pairs, 'train'), load_from=checkpoint).train()


def test_checkpoint_of_other_widths_is_refused(pairs, checkpoint):
    with pytest.raises(ValueError, match=r'the shapes of the model: '
                       r'common_head.fc8.weight is \(4, 4\) in it and '
                       r'\(5, 4\) in the model'):
        runner(pairs, test=data(pairs, 'test'), load_from=checkpoint,
               common_head=dict(type='CommonHead', widths=(5, 4))).test()


def test_checkpoint_that_lacks_layers_is_refused(pairs, checkpoint):
    with pytest.raises(ValueError, match='must hold every weight of the '
                       r"model: this one lacks \d+, as \['text_head"):
        runner(pairs, test=data(pairs, 'test'), load_from=checkpoint,
               shared_head=False).test()


@pytest.fixture
def converted(pairs):
    """The weights of one layer alone."""
    made = runner(pairs, data(pairs, 'train'))
    weights = {name: torch.full_like(value, 0.5)
               for name, value in made.model.state_dict().items()
               if name.startswith('image_pathway.fc6')}
    torch.save(dict(state_dict=weights, meta=dict(converted_from='x')),
               pairs / 'converted.pth')
    return str(pairs / 'converted.pth')


def test_weights_alone_may_lack_layers_to_train_from(pairs, converted):
    made = runner(pairs, data(pairs, 'train'), load_from=converted)
    made.train_loop.run = lambda: None
    made.train()
    assert (made.model.image_pathway.fc6.weight == 0.5).all()


def test_weights_alone_must_be_whole_to_be_tested(pairs, converted):
    with pytest.raises(ValueError, match='every weight of the model'):
        runner(pairs, test=data(pairs, 'test'), load_from=converted).test()


def test_weights_of_nothing_here_are_refused(pairs):
    torch.save({'features.0.weight': torch.ones(2)}, pairs / 'alien.pth')
    with pytest.raises(ValueError, match='weights of the model: this one '
                       r"holds none of .*, but \['features.0.weight'\]"):
        runner(pairs, data(pairs, 'train'),
               load_from=str(pairs / 'alien.pth')).train()


def test_checkpoint_with_layers_beside_the_model_is_refused(pairs):
    two_heads = runner(pairs, data(pairs, 'train'), shared_head=False)
    two_heads.train()
    two_heads.save_checkpoint(str(pairs), 'two.pth', by_epoch=True)
    with pytest.raises(ValueError, match=r'has 6 more, as '
                       r"\['text_head.fc8.weight'"):
        runner(pairs, test=data(pairs, 'test'),
               load_from=str(pairs / 'two.pth')).test()


def test_checkpoint_may_hold_a_source_that_the_model_lacks(pairs, checkpoint):
    runner(pairs, test=data(pairs, 'test'), load_from=checkpoint,
           source_pathway=None).test()


@pytest.mark.parametrize('name, number, rest', [
    ('label', 5, r'label must be below 2.*got 5'),
    ('source_label', 9, r'source_label must be below 4.*got 9')])
def test_a_label_out_of_range_is_named_before_a_gpu_asserts(name, number,
                                                            rest):
    # Before the batch is copied: the model itself may lie on any device.
    model = SimpleNamespace(num_classes=2, num_source_classes=4)
    samples = dict(label=torch.tensor([0, 1]),
                   source_label=torch.tensor([3, 0]))
    hook, run = ConsistencyHook(), SimpleNamespace(model=model)
    hook.before_train_iter(run, 0, dict(data_samples=samples))
    samples[name] = torch.tensor([number, 0])
    with pytest.raises(ValueError, match=rest):
        hook.before_train_iter(run, 0, dict(data_samples=samples))


def test_a_model_without_classes_takes_any_label():
    hook = ConsistencyHook()
    hook.before_train_iter(
        SimpleNamespace(model=SimpleNamespace(num_classes=None)), 0,
        dict(data_samples=dict(label=torch.tensor([99]))))
