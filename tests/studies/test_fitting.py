"""One method fitted and measured, with and without a Runner."""
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS
from small_set import small_set

from chtn_plugin.studies import fitting
from chtn_plugin.studies.fitting import (
    baseline_vectors,
    encoded,
    fit_in_process,
    fit_with_runner,
    fitted_model,
    measured,
    model_config,
    reads_labels,
    size_of,
)
from chtn_plugin.studies.source_rows import SourceRows
from chtn_plugin.studies.spaces import SPACES

METHODS = ('SemanticMatching', 'NearestClassMean', 'ShrunkenLDA',
           'RBFLeastSquares', 'CCA', 'ThreeViewCCA', 'KernelCCA', 'ASIF',
           'RidgeMap', 'SelfTraining')


def rows():
    made = small_set()
    return made.image[:48], made.text[:48], made.label[:48]


@pytest.mark.parametrize('method', METHODS)
def test_in_process_and_under_the_runner_are_one_solution(method):
    config = model_config(method, {}, 6, 5, 3)
    here = fit_in_process(config, *rows())
    there = fit_with_runner(config, {}, *rows(), seed=0)
    for name, value in here.state_dict().items():
        torch.testing.assert_close(there.state_dict()[name], value)


def test_dotted_keys_are_no_arguments_of_the_model():
    assert model_config('CCA', {'dimensions': 3, 'train_cfg.max_iters': 9},
                        6, 5, 3) == dict(
        type='CCA', dimensions=3, num_classes=3, trunk=dict(
            input_shape=(6, )), text_encoder=dict(
                type='VectorTextEncoder', out_features=5, norm=None))


def test_a_setting_may_take_the_classes_away():
    assert model_config('PairContrast', dict(num_classes=None), 6, 5, 3)[
        'num_classes'] is None


@pytest.mark.parametrize(('method', 'classes', 'reads'), [
    ('PairContrast', None, False), ('PairContrast', 3, True),
    ('SupCon', None, True), ('DCCA', None, False), ('DeepSM', 3, True)])
def test_who_reads_labels(method, classes, reads):
    assert reads_labels(dict(type=method, num_classes=classes)) is reads


@pytest.mark.parametrize(('classes', 'rows_seen'), [(3, 10), (None, 48)])
def test_training_gets_labelled_rows_or_all_where_it_reads_none(
        classes, rows_seen, monkeypatch):
    image, text, label = rows()
    label = np.where(np.arange(48) < 10, label, -1)
    seen = []
    monkeypatch.setattr(
        fitting.np, 'savez', lambda file, **arrays: seen.append(
            len(arrays['label'])) or np.savez_compressed(file, **arrays))
    fit_with_runner(
        model_config('PairContrast', dict(num_classes=classes), 6, 5, 3),
        {'train_cfg.max_iters': 1, 'train_dataloader.batch_size': 8},
        image, text, label, seed=0)
    assert seen == [rows_seen]


def few_iterations(**changes):
    return {'train_cfg.max_iters': 2, 'train_dataloader.batch_size': 8,
            **changes}


def served(monkeypatch):
    """Inputs of every training batch that a method's loss gets."""
    seen = []
    for cls in (MODELS.get('CHTN'), MODELS.get('DCKT')):
        def loss(self, inputs, samples, kept=cls.loss):
            seen.append((sorted(inputs), samples))
            return kept(self, inputs, samples)
        monkeypatch.setattr(cls, 'loss', loss)
    return seen


def test_pairs_without_a_class_teach_the_recipe_for_few_labels(monkeypatch):
    image, text, label = rows()
    label = np.where(np.arange(48) < 12, label, -1)
    seen = served(monkeypatch)
    setting = {**SPACES['CHTN-few-labels'][0], **few_iterations()}
    fitted_model('CHTN-few-labels', setting, image, text, label, 3, 0)
    names, samples = seen[0]
    assert names == ['image', 'text', 'unlabelled_image', 'unlabelled_text']
    assert (samples['label'] >= 0).all()


def test_with_all_labels_the_recipe_has_no_unlabelled_pairs(monkeypatch):
    seen = served(monkeypatch)
    setting = {**SPACES['CHTN-few-labels'][0], **few_iterations()}
    fitted_model('CHTN-few-labels', setting, *rows(), 3, 0)
    assert seen[0][0] == ['image', 'text']


@pytest.mark.parametrize('method', ['DCKT', 'CHTN-source'])
def test_a_source_is_served_to_methods_that_have_one(method, monkeypatch):
    seen = served(monkeypatch)
    source = small_set(train=40, classes=4)
    setting = {**SPACES[method][0], **few_iterations()}
    model = fitted_model(
        method, setting, *rows(), 3, 0,
        source=SourceRows('other', source.image, source.label, source.text))
    assert {'source_image', 'source_text'} <= set(seen[0][0])
    assert model.num_source_classes == 4


def test_a_source_may_be_of_images_alone(monkeypatch):
    seen = served(monkeypatch)
    source = small_set(train=40, classes=4)
    setting = {**SPACES['CHTN-source'][0], **few_iterations()}
    fitted_model('CHTN-source', setting, *rows(), 3, 0,
                 source=SourceRows('other', source.image, source.label))
    assert 'source_image' in seen[0][0] and 'source_text' not in seen[0][0]


def test_other_methods_get_no_source(monkeypatch):
    seen = served(monkeypatch)
    fitted_model('CHTN', {**SPACES['CHTN'][0], **few_iterations()}, *rows(),
                 3, 0, source=SourceRows(
                     'other', *rows()[::2]))
    assert seen[0][0] == ['image', 'text']


def test_a_prior_is_fitted_before_training():
    rng = np.random.default_rng(0)
    prior = dict(source_weight=rng.normal(size=(4, 6)),
                 source_bias=np.zeros(4), source_names=np.eye(4),
                 target_names=np.eye(4)[:3])
    setting = {**SPACES['CHTN-few-labels-names'][0], **few_iterations()}
    model = fitted_model('CHTN-few-labels-names', setting, *rows(), 3, 0,
                         prior=prior)
    assert 'image' in model.class_prior.weights()


def test_true_labels_rank_perfectly():
    label = small_set().label[48:]
    one, other = baseline_vectors('labels', label, 3, 0)
    figures = measured(dict(image=one, text=other), label, 'cosine')
    assert figures['mean'] == 1
    # Five texts of one class tie: the pair is the first with 1/5.
    assert figures['pair_hit@1'] == pytest.approx(.2)
    assert figures['pair_hit@10'] == 1


def test_random_vectors_follow_their_seed():
    label = np.zeros(4, int)
    one, again, other = (baseline_vectors('random', label, 3, seed)[0]
                         for seed in (1, 1, 2))
    assert (one == again).all() and (one != other).any()


def test_figures_by_hand():
    # Images e1, e2; texts e2, e1: each finds the other class's text first,
    # its own second: AP 1/2 both ways, no pair at rank 1, both at 10.
    eye = np.eye(2, dtype=np.float32)
    figures = measured(dict(image=eye, text=eye[::-1].copy(),
                            image_class=np.array([0, 0]), text_class=None),
                       np.array([0, 1]), 'dot')
    assert (figures['i2t'], figures['t2i'], figures['mean']) == (.5, .5, .5)
    assert figures['ap'] == dict(i2t=[.5, .5], t2i=[.5, .5])
    assert (figures['pair_hit@1'], figures['pair_hit@10']) == (0, 1)
    assert (figures['accuracy_image'], figures['accuracy_text']) == (.5, None)


def test_classes_come_with_the_vectors_where_there_is_a_classifier():
    image, text, label = rows()
    with_classes = encoded(fit_in_process(model_config(
        'NearestClassMean', {}, 6, 5, 3), image, text, label), image, text)
    without = encoded(fit_in_process(model_config('CCA', {}, 6, 5, 3), image,
                                     text, label), image, text)
    assert (with_classes['image_class'] == label).mean() > .8
    assert without['image_class'] is None


def test_size_counts_what_is_kept():
    model = fit_in_process(model_config('RidgeMap', {}, 6, 5, 3), *rows())
    # The map 6 x 5, means 6 + 5, two scales, and ``idle``.
    assert size_of(model) == 30 + 11 + 2 + 1
