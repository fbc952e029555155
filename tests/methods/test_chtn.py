"""CHTN: its modes, what it minimises, what training changes."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS

from chtn_plugin.losses import pairwise_distance, squared_mmd

B, S, C, SOURCE_CLASSES, TERMS = 4, 6, 3, 5, 7


def model(**options):
    """A tiny CHTN on 1×4×4 pictures, the same weights each time."""
    torch.manual_seed(0)
    return MODELS.build(dict(
        dict(type='CHTN', num_classes=C, num_source_classes=SOURCE_CLASSES,
             backbone=dict(type='SmallConvNet', channels=(3, )),
             input_shape=(1, 4, 4),
             text_encoder=dict(type='VectorTextEncoder', out_features=TERMS),
             image_pathway=dict(type='Pathway', widths=(8, 6)),
             common_head=dict(type='CommonHead', widths=(5, 4))), **options))


def batch(source=S):
    """Inputs and data samples, as the data preprocessor returns them."""
    g = torch.Generator().manual_seed(1)
    inputs = dict(image=torch.randn(B, 1, 4, 4, generator=g),
                  text=torch.rand(B, TERMS, generator=g))
    samples = dict(label=torch.tensor([0, 1, 2, 0]),
                   sample_idx=torch.arange(10, 10 + B),
                   image_idx=torch.arange(B), text_idx=torch.arange(B))
    if source:
        inputs['source_image'] = torch.randn(source, 1, 4, 4, generator=g) + 1
        samples['source_label'] = torch.arange(source) % SOURCE_CLASSES
    return inputs, samples


def raw(source=S):
    """The same, as the data loader returns it."""
    inputs, samples = batch(source)
    return dict(inputs=inputs, data_samples=samples)


def losses(made, inputs=None, samples=None):
    given = batch()
    return made(inputs or given[0], samples or given[1], mode='loss')


# Modes.


def test_tensor_gives_the_taps_of_every_pathway():
    taps = model()(batch()[0], mode='tensor')
    assert {part: {name: tuple(tap.shape) for name, tap in values.items()}
            for part, values in taps.items()} == dict(
        source=dict(fc6=(S, 8), fc7=(S, 6), fc8=(S, SOURCE_CLASSES)),
        image=dict(fc6=(B, 8), fc7=(B, 6), fc8=(B, 5), fc9=(B, 4),
                   fc10=(B, C)),
        text=dict(fc6=(B, 8), fc7=(B, 6), fc8=(B, 5), fc9=(B, 4),
                  fc10=(B, C)))


def test_loss_gives_one_flat_dictionary():
    terms = losses(model())
    assert set(terms) == {
        'loss_cls_source', 'loss_cls_image', 'loss_cls_text', 'loss_mmd_fc6',
        'loss_mmd_fc7', 'loss_pair_fc6', 'loss_pair_fc7', 'accuracy_source',
        'accuracy_image', 'accuracy_text'}
    assert all(term.shape == () for term in terms.values())


def test_predict_gives_one_dictionary_an_item():
    items = model().eval()(*batch(source=0), mode='predict')
    assert [item['sample_idx'] for item in items] == [10, 11, 12, 13]
    assert all(item['image_repr'].shape == item['text_repr'].shape == (C, )
               for item in items)


def test_predict_keeps_the_labels():
    items = model().eval()(*batch(source=0), mode='predict')
    assert [int(item['label']) for item in items] == [0, 1, 2, 0]


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="got 'train'"):
        model()(*batch(), mode='train')


# What is minimised.


def test_total_is_the_sum_of_the_loss_keys():
    made = model()
    total, logged = made.parse_losses(losses(made))
    assert total.item() == pytest.approx(sum(
        value.item() for name, value in logged.items()
        if name.startswith('loss_')), rel=1e-5)


def test_transfer_terms_stand_at_their_taps():
    made = model(mmd=dict(type='MMDLoss'),
                 pair=dict(type='PairwiseLoss', loss_weight=0.001)).eval()
    taps, terms = made(batch()[0]), losses(made)
    for tap in ('fc6', 'fc7'):
        source, image, text = (taps[part][tap]
                               for part in ('source', 'image', 'text'))
        torch.testing.assert_close(terms[f'loss_mmd_{tap}'],
                                   squared_mmd(source, image))
        torch.testing.assert_close(terms[f'loss_pair_{tap}'],
                                   0.001 * pairwise_distance(image, text))


def test_another_loss_in_mmds_place_is_logged_under_its_own_name():
    terms = losses(model(mmd=dict(type='CORALLoss'), mmd_taps=['fc7']))
    assert 'loss_coral_fc7' in terms
    assert not [name for name in terms if 'mmd' in name]


def test_pair_loss_may_stand_at_layers_that_both_modalities_share():
    made = model(pair=dict(type='PairwiseLoss', loss_weight=1.),
                 pair_taps=['fc9', 'fc10']).eval()
    taps, terms = made(batch()[0]), losses(made)
    for tap in ('fc9', 'fc10'):
        torch.testing.assert_close(
            terms[f'loss_pair_{tap}'],
            pairwise_distance(taps['image'][tap], taps['text'][tap]))


def test_cross_entropy_of_zero_logits_is_ln_of_the_classes():
    made = model()
    for layer in (made.common_head.fc10, made.source_classifier):
        torch.nn.init.zeros_(layer.weight)
    terms = losses(made)
    expected = dict(image=C, text=C, source=SOURCE_CLASSES)
    assert {part: terms[f'loss_cls_{part}'].exp().item()
            for part in expected} == pytest.approx(expected, rel=1e-5)


def test_accuracy_is_the_share_of_right_classes():
    made = model()
    torch.nn.init.zeros_(made.common_head.fc10.weight)
    made.common_head.fc10.bias.data = torch.tensor([1., 0., 0.])
    # Every item is taken for class 0, as two of four are.
    assert losses(made)['accuracy_image'].item() == 0.5


def test_weights_scale_the_cross_entropies():
    plain, halved = (losses(model(cls_weights=weights))
                     for weights in (None, dict(source=0.5, text=0)))
    assert halved['loss_cls_source'] == 0.5 * plain['loss_cls_source']
    assert halved['loss_cls_image'] == plain['loss_cls_image']
    assert halved['loss_cls_text'] == 0


def test_terms_may_be_left_out():
    terms = losses(model(mmd=None, pair_taps=['fc7']))
    assert {name for name in terms if 'mmd' in name or 'pair' in name} == {
        'loss_pair_fc7'}


@pytest.mark.parametrize('estimator', ['unbiased', 'biased', 'sampled'])
def test_batches_of_both_domains_may_differ_in_size(estimator):
    made = model(mmd=dict(type='MMDLoss', estimator=estimator))
    total, _ = made.parse_losses(losses(made, *batch(source=2)))
    assert total.isfinite()


def test_several_labels_an_item_share_its_probability():
    made = model()
    torch.nn.init.zeros_(made.common_head.fc10.weight)
    made.common_head.fc10.bias.data = torch.tensor([0., 1., -10.])
    inputs, samples = batch()
    samples['label'] = torch.tensor([[1., 1., 0.]] * B)
    terms = losses(made, inputs, samples)
    log_prob = made.common_head.fc10.bias.log_softmax(0)
    assert terms['loss_cls_image'].item() == pytest.approx(
        -(log_prob[0] + log_prob[1]).item() / 2)
    assert terms['accuracy_image'].item() == 1


def test_a_step_lowers_the_total():
    made = model(trunk_mode='train').train()
    wrapper = OptimWrapper(torch.optim.SGD(made.parameters(), lr=0.05))
    history = [made.train_step(raw(), wrapper)['loss'].item()
               for _ in range(3)]
    assert history[0] > history[1] > history[2]


def test_every_trained_parameter_gets_a_gradient():
    made = model(trunk_mode='train')
    made.parse_losses(losses(made))[0].backward()
    assert not [name for name, p in made.named_parameters()
                if p.grad is None]


def test_half_precision_gives_finite_float32_losses():
    made = model(trunk_mode='train')
    with torch.autocast('cpu', torch.bfloat16):
        terms = losses(made)
    total, _ = made.parse_losses(terms)
    total.backward()
    assert {value.dtype for value in terms.values()} == {torch.float32}
    assert all(p.grad.isfinite().all() for p in made.parameters())


def test_half_precision_agrees_with_float32():
    made = model()
    with torch.autocast('cpu', torch.bfloat16):
        half = losses(made)
    full = losses(made)
    for name in full:
        if name.startswith('loss'):
            assert half[name].item() == pytest.approx(full[name].item(),
                                                      abs=0.1)


# Pathways and trunk.


def test_source_and_target_have_weights_of_their_own():
    made = model()
    made.parse_losses(losses(made, *batch(source=0)))[0].backward()
    assert made.image_pathway.fc6.weight.grad is not None
    assert made.source_pathway.fc6.weight.grad is None


def test_both_modalities_share_the_head():
    made = model()
    taps = made(batch()[0])
    taps['image']['fc10'].sum().backward(retain_graph=True)
    image = made.common_head.fc8.weight.grad.clone()
    taps['text']['fc10'].sum().backward()
    assert image.any() and not torch.equal(made.common_head.fc8.weight.grad,
                                           image)


def test_heads_may_be_apart():
    made = model(shared_head=False)
    taps = made(batch()[0])
    taps['text']['fc10'].sum().backward()
    assert made.common_head.fc8.weight.grad is None
    assert made.text_head.fc8.weight.grad.any()


def test_trunk_runs_once_over_the_mixed_batch():
    made, batches = model().train(), []
    made.trunk.register_forward_pre_hook(
        lambda _, args: batches.append(args[0]))
    inputs, _ = batch()
    made(inputs)
    assert len(batches) == 1
    assert torch.equal(batches[0], torch.cat([inputs['source_image'],
                                              inputs['image']]))


def test_statistics_of_the_trunk_are_those_of_the_mixed_batch():
    made, alone = model().train(), model().train()
    inputs, _ = batch()
    made(inputs)
    alone.trunk(torch.cat([inputs['source_image'], inputs['image']]))
    norm, expected = (m.trunk.backbone.layers[1] for m in (made, alone))
    assert norm.num_batches_tracked == 1
    assert torch.equal(norm.running_mean, expected.running_mean)
    assert torch.equal(norm.running_var, expected.running_var)


def test_a_step_adapts_the_frozen_trunk_by_its_statistics_alone():
    made = model(trunk_mode='adapt').train()
    conv, norm = made.trunk.backbone.layers[:2]
    weight, mean = conv.weight.clone(), norm.running_mean.clone()
    made.train_step(raw(), OptimWrapper(torch.optim.SGD(made.parameters(),
                                                        lr=0.1)))
    assert torch.equal(conv.weight, weight)
    assert not torch.equal(norm.running_mean, mean)


def test_released_trunk_gives_9216_features():
    made = model(backbone=dict(type='AlexNetBN'), input_shape=(3, 224, 224))
    assert made.trunk.out_features == made.image_pathway.in_features == 9216


def test_size_of_ready_features_is_found_out():
    made = model(backbone=None, input_shape=(11, ))
    assert made.image_pathway.in_features == 11


def test_text_pathway_may_have_a_config_of_its_own():
    made = model(text_pathway=dict(type='Pathway', widths=(9, 6)),
                 pair_taps=['fc7'])
    assert made(batch()[0])['text']['fc6'].shape == (B, 9)


# The source domain is optional.


def test_without_source_images_its_terms_are_absent():
    terms = losses(model(), *batch(source=0))
    assert set(terms) == {'loss_cls_image', 'loss_cls_text', 'loss_pair_fc6',
                          'loss_pair_fc7', 'accuracy_image', 'accuracy_text'}


def test_without_source_pathway_source_images_are_not_looked_at():
    made = model(source_pathway=None)
    assert set(made(batch()[0])) == {'image', 'text'}
    assert 'loss_cls_source' not in losses(made)


@pytest.mark.parametrize('options, source, reason', [
    (dict(), 0, 'the batches hold no source images'),
    (dict(source_pathway=None), S, 'the model has no source pathway'),
])
def test_absence_of_the_source_is_told_once(monkeypatch, options, source,
                                            reason):
    told = []
    monkeypatch.setattr('chtn_plugin.methods.chtn.print_log',
                        lambda message, **_: told.append(message))
    made = model(**options)
    for _ in range(2):
        losses(made, *batch(source))
    assert len(told) == 1 and reason in told[0]


def test_nothing_is_told_with_a_source(monkeypatch):
    monkeypatch.setattr('chtn_plugin.methods.chtn.print_log', None)
    losses(model())


# Representations.


def test_common_representation_is_the_softmax_of_fc10():
    made = model().eval()
    inputs, samples = batch(source=0)
    logits = made(inputs)['text']['fc10']
    item = made(inputs, samples, mode='predict')[2]
    torch.testing.assert_close(item['text_repr'], logits[2].softmax(0))


@pytest.mark.parametrize('name', ['fc10', 'fc9', 'fc8', 'fc7', 'fc6'])
def test_representation_may_be_a_tap(name):
    made = model(representation=name).eval()
    inputs, samples = batch(source=0)
    item = made(inputs, samples, mode='predict')[1]
    assert torch.equal(item['image_repr'], made(inputs)['image'][name][1])


def test_representation_is_float32_in_half_precision():
    made = model().eval()
    with torch.autocast('cpu', torch.bfloat16):
        item = made(*batch(source=0), mode='predict')[0]
    assert item['image_repr'].dtype == torch.float32


@pytest.mark.parametrize('shared', [True, False])
def test_one_modality_alone_is_encoded_alike(shared):
    made = model(shared_head=shared).eval()
    inputs, samples = batch(source=0)
    items = made(inputs, samples, mode='predict')
    image = made.encode_image(inputs['image']).repr
    text = made.encode_text(inputs['text']).repr
    torch.testing.assert_close(image[1], items[1]['image_repr'])
    torch.testing.assert_close(text[1], items[1]['text_repr'])


def test_missing_modality_has_no_representation():
    inputs, samples = batch(source=0)
    samples['image_idx'] = torch.tensor([0, -1, 1, 2])
    items = model().eval()(inputs, samples, mode='predict')
    assert [item['image_repr'] is None for item in items] == [
        False, True, False, False]
    assert items[1]['text_repr'] is not None


# The instance part.


def with_instance(**options):
    return model(instance=dict(options, type='InstanceMaps'),
                 similarity='dot')


def test_instance_part_stands_behind_the_posterior():
    made = with_instance(balance=0.25).eval()
    inputs, _ = batch(source=0)
    encoded = made.encode_image(inputs['image'])
    common, mapped = (encoded.repr[:, made.parts[name]]
                      for name in ('class', 'instance'))
    torch.testing.assert_close(common, 0.75**.5 * encoded.probabilities)
    torch.testing.assert_close(mapped, 0.25**.5 * made.instance.map_image(
        made.trunk(inputs['image'])))


def test_products_of_representations_are_the_balanced_similarity():
    made = with_instance(balance=0.25).eval()
    inputs, _ = batch(source=0)
    pair = made.encode_pair(inputs['image'], inputs['text'])
    p, q = (pair[name].probabilities for name in ('image', 'text'))
    cosine = torch.cosine_similarity(
        made.instance.map_image(made.trunk(inputs['image']))[:, None],
        made.instance.map_text(made.text_encoder(inputs['text'])), dim=2)
    torch.testing.assert_close(
        pair['image'].repr @ pair['text'].repr.T,
        0.75 * p @ q.T + 0.25 * cosine)


@pytest.mark.parametrize('balance', [0., 0.4, 1.])
def test_the_query_alone_carries_another_balance(balance):
    made = with_instance(balance=0.25).eval()
    inputs, _ = batch(source=0)
    pair = made.encode_pair(inputs['image'], inputs['text'])
    query = pair['text'].repr * made.query_factors(balance)
    p, q = (pair[name].probabilities for name in ('image', 'text'))
    u, v = (pair[name].repr[:, made.parts['instance']] / .25**.5
            for name in ('image', 'text'))
    torch.testing.assert_close(query @ pair['image'].repr.T,
                               (1 - balance) * q @ p.T + balance * v @ u.T)

def test_instance_part_adds_a_loss_of_its_own():
    made = with_instance()
    terms = losses(made)
    assert 'loss_instance' in terms
    terms['loss_instance'].backward()
    assert made.instance.image_map.weight.grad.any()
    assert made.image_pathway.fc6.weight.grad is None


def test_without_weight_it_adds_none():
    assert 'loss_instance' not in losses(with_instance(loss_weight=0.))


def test_instance_part_needs_the_dot_product_of_posteriors():
    with pytest.raises(ValueError, match="got 'cosine' and 'prob'"):
        model(instance=dict(type='InstanceMaps'))
    with pytest.raises(ValueError, match="got 'dot' and 'fc7'"):
        model(instance=dict(type='InstanceMaps'), similarity='dot',
              representation='fc7')


def test_a_balance_needs_an_instance_part():
    assert model().balance is None and model().parts == {}
    with pytest.raises(ValueError, match='CHTN has none'):
        model().query_factors(0.5)
    with pytest.raises(ValueError, match='0 to 1, got 2'):
        with_instance().query_factors(2)


# Refusals.


@pytest.mark.parametrize('value', [C, -1])
def test_label_out_of_range_is_refused(value):
    inputs, samples = batch()
    samples['label'][1] = value
    with pytest.raises(ValueError, match='^label must be below 3, the '
                       f'classes of the model: got .*{value}'):
        losses(model(), inputs, samples)


def test_source_label_out_of_range_is_refused():
    inputs, samples = batch()
    samples['source_label'][0] = SOURCE_CLASSES
    with pytest.raises(ValueError, match='source_label must be below 5'):
        losses(model(), inputs, samples)


def test_labels_of_other_width_are_refused():
    inputs, samples = batch()
    samples['label'] = torch.ones(B, C + 1)
    with pytest.raises(ValueError, match='label must have 3 columns, .* 4'):
        losses(model(), inputs, samples)


def test_half_pairs_are_refused_in_training():
    inputs, samples = batch()
    samples['text_idx'] = torch.tensor([0, -1, -1, 3])
    with pytest.raises(ValueError, match='0 without image and 2 without text'):
        losses(model(), inputs, samples)


def test_images_of_other_shape_are_refused():
    inputs, _ = batch()
    inputs['source_image'] = torch.zeros(S, 1, 6, 4)
    with pytest.raises(ValueError, match=r'\(1, 6, 4\) and \(1, 4, 4\)'):
        model()(inputs)


def test_text_of_other_size_is_refused():
    inputs, _ = batch()
    inputs['text'] = torch.zeros(B, TERMS + 1)
    with pytest.raises(ValueError, match=r'\(B, 7\), got \(4, 8\)'):
        model()(inputs)


@pytest.mark.parametrize('options, reason', [
    (dict(source_pathway='own'), "must be 'image', .*got 'own'"),
    (dict(representation='fc11'), "representation .* got 'fc11'"),
    (dict(mmd_taps=['fc8']), r"mmd_taps .* got \['fc8'\]"),
    (dict(pair_taps=['fc5']), r"pair_taps .* got \['fc5'\]"),
    (dict(cls_weights=dict(picture=1)), r"cls_weights .* got \['picture'\]"),
    (dict(text_pathway=dict(type='Pathway', widths=(8, 7))),
     'fc7 of image and text must have one size, got 6 and 7'),
    (dict(trunk_mode='freeze'), "got 'freeze'"),
])
def test_unknown_option_is_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        model(**options)


def test_misspelt_option_is_refused():
    with pytest.raises(TypeError, match="'representaton'"):
        model(representaton='prob')


# Pairs without a class.


def with_unlabelled(number=5):
    inputs, samples = batch(source=0)
    g = torch.Generator().manual_seed(2)
    inputs.update(unlabelled_image=torch.randn(number, 1, 4, 4, generator=g),
                  unlabelled_text=torch.rand(number, TERMS, generator=g))
    samples.update(unlabelled_image_idx=torch.arange(number),
                   unlabelled_text_idx=torch.arange(number))
    return inputs, samples


def taught(**options):
    return model(**dict(dict(
        source_pathway=None, pair_teacher=dict(
            type='PairTeacherLoss', warm_up=0)), **options))


def test_pairs_without_class_add_their_loss():
    terms = taught()(*with_unlabelled(), mode='loss')
    assert terms['loss_pair_teacher'].item() > 0
    assert 0 <= terms['agreement_unlabelled'].item() <= 1


def test_pair_teacher_loss_is_that_of_the_logits_of_those_pairs():
    # Batch statistics aside: in evaluation mode teacher and pupil agree.
    made = taught().eval()
    inputs, samples = with_unlabelled()
    made.pair_teacher.alignment = 0
    terms = made(inputs, samples, mode='loss')
    logits = [made.encode_image(inputs['unlabelled_image']).logits,
              made.encode_text(inputs['unlabelled_text']).logits]
    assert terms['loss_pair_teacher'].item() == pytest.approx(
        made.pair_teacher(*logits, tuple(logits), samples['label']).item(),
        rel=1e-5)


def test_labelled_terms_are_those_without_the_other_pairs():
    made = taught().eval()
    inputs, samples = with_unlabelled()
    with_pairs = made(inputs, samples, mode='loss')
    without = made(*batch(source=0), mode='loss')
    for name in without:
        assert with_pairs[name].item() == pytest.approx(without[name].item(),
                                                        rel=1e-5)


def test_pair_teacher_trains_both_pathways():
    made = taught()
    made(*with_unlabelled(), mode='loss')['loss_pair_teacher'].backward()
    for pathway in (made.image_pathway, made.text_pathway):
        assert any(parameter.grad.abs().sum() > 0
                   for parameter in pathway.parameters())


def test_the_teachers_pass_leaves_batch_statistics_as_they_were():
    plain = model(source_pathway=None, pair_teacher=None)
    teacher = taught()
    inputs, samples = with_unlabelled()
    plain(inputs, samples, mode='loss')
    teacher(inputs, samples, mode='loss')
    for name, value in plain.state_dict().items():
        assert torch.equal(value, teacher.state_dict()[name]), name


def test_the_teacher_is_the_network_without_dropout():
    made = taught(image_pathway=dict(type='Pathway', widths=(8, 6),
                                     dropout=.9))
    made.trunk.eval()
    inputs, _ = with_unlabelled()
    taps = made(inputs, mode='tensor')['unlabelled_image']
    assert made.image_pathway.training
    clean = made.eval().encode_image(inputs['unlabelled_image']).logits
    assert torch.allclose(taps['teacher'], clean, atol=1e-5)
    assert not torch.allclose(taps['fc10'], clean, atol=1e-3)


def test_multi_label_data_have_no_pair_teacher():
    inputs, samples = with_unlabelled()
    samples['label'] = torch.ones(B, C)
    with pytest.raises(ValueError, match='needs one class a pair'):
        taught()(inputs, samples, mode='loss')


def test_unlabelled_images_of_another_shape_are_refused():
    inputs, samples = with_unlabelled()
    inputs['unlabelled_image'] = torch.zeros(5, 1, 5, 5)
    with pytest.raises(ValueError, match='target and unlabelled images'):
        taught()(inputs, samples, mode='loss')


def test_instance_part_learns_from_pairs_without_class_too():
    options = dict(instance=dict(type='InstanceMaps'), similarity='dot',
                   source_pathway=None)
    inputs, samples = with_unlabelled()
    made = model(**options).eval()
    alone = made(*batch(source=0), mode='loss')['loss_instance']
    both = made(inputs, samples, mode='loss')['loss_instance']
    # Nine pairs have more negatives than four.
    assert both.item() > alone.item()


def test_numbers_of_two_data_sets_are_of_different_things():
    from chtn_plugin.methods.chtn import _things
    things = _things(dict(
        image_idx=torch.tensor([0, -1]), text_idx=torch.tensor([0, 1]),
        unlabelled_image_idx=torch.tensor([0, -1]),
        unlabelled_text_idx=torch.tensor([0, 0])))
    assert things[0, 0] != things[2, 0] and things[2, 1] == things[3, 1]
    assert things[:, 0].tolist()[1::2] == [-1, -1]


def test_a_label_of_minus_1_among_the_labelled_says_where_it_belongs():
    inputs, samples = batch(source=0)
    samples['label'] = torch.tensor([0, 1, -1, 2])
    with pytest.raises(ValueError, match="only='labelled'"):
        model(source_pathway=None)(inputs, samples, mode='loss')


# What names of classes tell.


def with_prior(root, **options):
    """CHTN on vectors of 2 numbers, whose prior knows both classes."""
    np.savez(root / 'prior.npz', source_weight=[[1., 0.], [-1., 0.]],
             source_bias=[0., 0.], source_names=np.eye(2),
             target_names=np.eye(2))
    torch.manual_seed(0)
    made = MODELS.build(dict(dict(
        type='CHTN', num_classes=2, backbone=None, input_shape=(2, ),
        source_pathway=None, mmd=None, pair=None, similarity='dot',
        text_encoder=dict(type='VectorTextEncoder', out_features=2,
                          norm=None),
        image_pathway=dict(type='Pathway', widths=(4, 4)),
        common_head=dict(type='CommonHead', widths=(4, 4)),
        class_prior=dict(type='ClassNamePrior',
                         file=str(root / 'prior.npz'))), **options))
    rows = torch.tensor([[1., 1.], [-1., 1.]] * 10)
    made.fit(rows, rows, torch.tensor([0, 1] * 10))
    return made, rows


def test_prior_is_added_to_the_scores_of_pictures_once(tmp_path):
    made, rows = with_prior(tmp_path)
    made.eval()
    offset = made.class_prior.offset('image', rows)
    assert offset.abs().max() > 0
    encoded = made.encode_image(rows)
    plain = made.common_head(made.image_pathway(rows)['fc7'])['fc10']
    assert torch.allclose(encoded.logits, plain + offset, atol=1e-6)
    assert torch.allclose(encoded.repr, encoded.logits.softmax(1))
    taps = made.tensors(rows, rows)
    assert torch.allclose(taps['image']['fc10'], encoded.logits, atol=1e-6)


def test_prior_takes_part_in_training(tmp_path):
    made, rows = with_prior(tmp_path)
    made.eval()
    label = torch.tensor([0, 1] * 10)
    with_it = made.loss(dict(image=rows, text=rows), dict(label=label))
    made.class_prior = None
    without = made.loss(dict(image=rows, text=rows), dict(label=label))
    assert with_it['loss_cls_image'] < without['loss_cls_image']
    assert with_it['loss_cls_text'] == without['loss_cls_text']


def test_the_teacher_hears_the_prior_too(tmp_path):
    made, rows = with_prior(tmp_path, pair_teacher=dict(
        type='PairTeacherLoss'))
    made.eval()
    taps = made.tensors(rows, rows, unlabelled_image=rows,
                        unlabelled_text=rows)['unlabelled_image']
    assert torch.allclose(taps['teacher'], made.encode_image(rows).logits,
                          atol=1e-6)


def test_prior_and_instance_part_are_fitted_together(tmp_path):
    made, _ = with_prior(tmp_path, instance=dict(type='InstanceMaps'))
    assert set(made.fitted_part) == {'instance', 'class_prior'}
    assert len(made.class_prior) and made.instance.image_map.weight.any()


def test_a_prior_without_labels_is_refused(tmp_path):
    made, rows = with_prior(tmp_path)
    with pytest.raises(ValueError, match='fitted with labels'):
        made.fit(rows, rows)


def with_regression(**options):
    """CHTN on vectors of 2 numbers, fitted to two classes of either sign."""
    torch.manual_seed(0)
    made = MODELS.build(dict(dict(
        type='CHTN', num_classes=2, backbone=None, input_shape=(2, ),
        source_pathway=None, mmd=None, pair=None, similarity='dot',
        text_encoder=dict(type='VectorTextEncoder', out_features=2,
                          norm=None),
        image_pathway=dict(type='Pathway', widths=(4, 4)),
        common_head=dict(type='CommonHead', widths=(4, 4)),
        regression=dict(type='ClassRegression', share=0.5)), **options))
    rows = torch.tensor([[1., 1.], [-1., 1.]] * 10)
    made.fit(rows, rows, torch.tensor([0, 1] * 10))
    return made.eval(), rows


def test_the_regression_is_averaged_with_the_networks_scores():
    made, rows = with_regression()
    own = made.common_head(made.text_pathway(rows)['fc7'])['fc10']
    scores = (rows @ made.regression['text_weight']
              + made.regression['text_bias'])
    encoded = made.encode_text(rows)
    torch.testing.assert_close(encoded.logits, (own + scores) / 2)
    torch.testing.assert_close(encoded.repr, encoded.logits.softmax(1))
    torch.testing.assert_close(
        made.encode_pair(rows, rows)['text'].repr, encoded.repr)


def test_the_regression_takes_no_part_in_training():
    made, rows = with_regression()
    inputs = dict(image=rows, text=rows)
    label = dict(label=torch.tensor([0, 1] * 10))
    with_it = made.loss(inputs, label)
    made.regression = None
    assert made.loss(inputs, label) == with_it


def test_regression_and_instance_part_are_fitted_together():
    made, _ = with_regression(instance=dict(type='InstanceMaps'))
    assert set(made.fitted_part) == {'instance', 'regression'}
    assert len(made.regression) and made.instance.image_map.weight.any()


def test_a_prior_enters_network_and_taught_regression_once(tmp_path):
    made, rows = with_prior(tmp_path, regression=dict(
        type='ClassRegression', share=0.5, pairs=True))
    made.eval()
    own = made.common_head(made.image_pathway(rows)['fc7'])['fc10']
    scores = (rows @ made.regression['image_weight']
              + made.regression['image_bias'])
    torch.testing.assert_close(
        made.encode_image(rows).logits, (own + scores) / 2
        + made.class_prior.offset('image', rows))


def test_a_regression_without_labels_is_refused():
    made, rows = with_regression()
    with pytest.raises(ValueError, match='fitted with labels'):
        made.fit(rows, rows)


def test_a_regression_needs_class_scores_in_the_representation():
    with pytest.raises(ValueError, match="got 'fc7'"):
        with_regression(representation='fc7')
