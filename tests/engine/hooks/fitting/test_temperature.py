"""Temperatures of the pair teacher, found on validation pairs."""
from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import MODELS
from short_run import run, write_config

from chtn_plugin.engine.hooks import TeacherTemperatureHook
from chtn_plugin.losses import likeliest_temperature

FEW = """
model.update(source_pathway=None, mmd=None, pair=None, pair_teacher=dict(
    type='PairTeacherLoss', warm_up=2, temper_every=3))
target = dict(split='train', fraction=.5, rest='unlabelled', **pairs)
train_dataloader['dataset'] = dict(
    type='HybridTransferDataset', target=dict(target, only='labelled'),
    unlabelled=dict(target, only='unlabelled'))
custom_hooks = [dict(type='IterationSeedHook'), dict(type='ExactResumeHook'),
                dict(type='TeacherTemperatureHook', fewest=3)]
"""


def model(**options):
    torch.manual_seed(0)
    return MODELS.build(dict(dict(
        type='CHTN', num_classes=3, input_shape=(4, ), source_pathway=None,
        text_encoder=dict(type='VectorTextEncoder', out_features=4,
                          norm=None),
        image_pathway=dict(type='Pathway', widths=(8, 8), dropout=.5),
        common_head=dict(type='CommonHead', widths=(8, 8)), mmd=None,
        pair_teacher=dict(type='PairTeacherLoss', warm_up=2, temper_every=3)),
        **options)).train()


def pairs(count=40, lacking=0):
    """Items of a data set, of which the last lack a class."""
    generator = torch.Generator().manual_seed(1)
    label = torch.randint(3, (count, ), generator=generator)
    label[count - lacking:] = -1
    return [dict(inputs=dict(image=3 * torch.randn(4, generator=generator),
                             text=torch.randn(4, generator=generator)),
                 data_samples=dict(label=label[row], sample_idx=row,
                                   image_idx=row, text_idx=row))
            for row in range(count)]


def runner(made, dataset, iteration=2):
    return SimpleNamespace(model=made, iter=iteration, val_loop=(
        None if dataset is None else SimpleNamespace(
            dataloader=SimpleNamespace(dataset=dataset))))


def tempered(dataset, iteration=2, made=None, **options):
    made = made or model()
    TeacherTemperatureHook(**options).before_train_iter(
        runner(made, dataset, iteration), 0)
    return made


@pytest.mark.parametrize('lacking', [0, 5])
def test_temperatures_are_the_likeliest_of_scores_without_dropout(lacking):
    dataset = pairs(lacking=lacking)
    made = tempered(dataset)
    known = dataset[:len(dataset) - lacking]
    image, text = (torch.stack([item['inputs'][name] for item in known])
                   for name in ('image', 'text'))
    label = torch.stack([item['data_samples']['label'] for item in known])
    assert made.training  # as it was
    made.eval()
    for value, encoded in zip(made.pair_teacher.temperatures.tolist(), (
            made.encode_image(image), made.encode_text(text)), strict=True):
        assert value == pytest.approx(likeliest_temperature(encoded.logits,
                                                            label))


@pytest.mark.parametrize(('iteration', 'fitted'), [
    (0, False), (1, False), (2, True), (3, False), (5, True), (6, False)])
def test_it_fits_where_the_warm_up_ends_and_every_so_often(iteration, fitted):
    made = model()
    made.pair_teacher.temperatures.fill_(3.)
    tempered(pairs(), iteration, made)
    assert (made.pair_teacher.temperatures.tolist() != [3, 3]) == fitted


@pytest.mark.parametrize('dataset', [None, pairs(29)])
def test_without_enough_validation_pairs_temperatures_stay(dataset):
    assert tempered(dataset).pair_teacher.temperatures.tolist() == [1, 1]


@pytest.mark.parametrize('changes', [
    dict(pair_teacher=None), dict(pair_teacher=dict(type='PairTeacherLoss'))])
def test_models_without_the_option_are_left_alone(changes):
    made = model(**changes)
    before = {name: value.clone() for name, value
              in made.state_dict().items()}
    tempered(pairs(), 60, made)
    for name, value in made.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize('option', ['fewest', 'batch_size'])
def test_refuses_what_is_less_than_one(option):
    with pytest.raises(ValueError, match=f'{option} must be at least 1'):
        TeacherTemperatureHook(**{option: 0})


@pytest.mark.slow
def test_two_ranks_have_the_same_temperatures(tmp_path):
    config = write_config(tmp_path, FEW + "model['text_encoder']['norm'] = "
                          'None\n')
    found = []
    for ranks in (1, 2):
        run('train.py', config, '--work-dir', tmp_path / str(ranks),
            '--cfg-options', 'train_cfg.max_iters=4',
            'optim_wrapper.optimizer.lr=0',
            f'train_dataloader.batch_size={8 // ranks}', ranks=ranks)
        found.append(torch.load(
            tmp_path / str(ranks) / 'iter_4.pth', weights_only=False)[
                'state_dict']['pair_teacher.temperatures'].tolist())
    assert found[0] == found[1] != [1, 1]
