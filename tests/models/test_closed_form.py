"""What all methods with a closed form have in common."""
import pytest
import torch
from closed_forms import C, made, pairs

from chtn_plugin.models import ClosedFormModel

METHODS = ('SemanticMatching', 'NearestClassMean', 'ShrunkenLDA',
           'RBFLeastSquares', 'CCA', 'ThreeViewCCA', 'KernelCCA', 'ASIF',
           'RidgeMap', 'SelfTraining')
LABEL_FREE = ('CCA', 'KernelCCA', 'ASIF', 'RidgeMap')


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def fitted(method, label=None, **options):
    image, text, known = pairs()
    model = made(method, **options)
    model.fit(image, text, known if label is None else label)
    return model.eval()


def agreement(model, seed=1):
    """Share of images whose best text is of their class."""
    image, text, label = pairs(seed=seed)
    one, other = model.encode_image(image).repr, model.encode_text(text).repr
    if model.similarity == 'cosine':
        one, other = map(torch.nn.functional.normalize, (one, other))
    return (label[(one @ other.T).argmax(1)] == label).float().mean()


def test_a_text_of_the_class_is_found(method):
    assert agreement(fitted(method)) > .6  # 1/3 by chance


def test_both_modalities_end_in_one_space(method):
    image, text, _ = pairs(4)
    model = fitted(method)
    assert (model.encode_image(image).repr.shape
            == model.encode_text(text).repr.shape)


def test_rows_may_lack_a_class(method):
    _, _, label = pairs()
    label[20:] = -1
    assert agreement(fitted(method, label)) > .6


def test_multi_hot_labels_of_one_class_are_that_class(method):
    image, text, label = pairs()
    one = fitted(method)
    other = fitted(method, torch.nn.functional.one_hot(label, C).float())
    torch.testing.assert_close(one.encode_image(image).repr,
                               other.encode_image(image).repr)


def test_multi_hot_row_of_zeros_is_a_row_without_class(method):
    _, _, label = pairs()
    label[30:] = -1
    hot = torch.nn.functional.one_hot(label.clamp(min=0), C).float()
    hot[30:] = 0
    image, _, _ = pairs(seed=2)
    torch.testing.assert_close(
        fitted(method, label).encode_image(image).repr,
        fitted(method, hot).encode_image(image).repr)


def test_rows_of_nan_are_rows_without_class(method):
    # So FitHook marks pairs of a stream without classes in multi-label data.
    _, _, label = pairs()
    hot = torch.nn.functional.one_hot(label, C).float()
    hot[30:] = 0
    other = hot.clone()
    other[30:] = float('nan')
    image, _, _ = pairs(seed=2)
    torch.testing.assert_close(
        fitted(method, hot).encode_image(image).repr,
        fitted(method, other).encode_image(image).repr)


def test_checkpoint_round_trip_keeps_every_answer(method):
    image, text, _ = pairs(5)
    model, other = fitted(method), made(method)
    other.load_state_dict(model.state_dict())
    assert torch.equal(model.encode_image(image).repr,
                       other.encode_image(image).repr)
    assert torch.equal(model.encode_text(text).repr,
                       other.encode_text(text).repr)


def test_scale_and_offset_of_a_modality_do_not_matter(method):
    image, text, label = pairs()
    model = made(method)
    model.fit(image * 50 + 7, text / 9 - 2, label)
    torch.testing.assert_close(
        model.encode_image(image * 50 + 7).repr,
        fitted(method).encode_image(image).repr, rtol=2e-3, atol=2e-3)


def test_training_is_left_nothing_to_do(method):
    terms = fitted(method).loss({}, {})
    assert {name: value.item() for name, value in terms.items()} == dict(
        loss_idle=0)
    assert [name for name, _ in fitted(method).named_parameters()
            if _.requires_grad] == ['idle']


def test_use_before_fitting_is_refused(method):
    image, _, _ = pairs(3)
    with pytest.raises(ValueError, match=f'{method} must be fitted before'):
        made(method).encode_image(image)
    with pytest.raises(ValueError, match='must be fitted before'):
        made(method).loss({}, {})


@pytest.mark.parametrize('method', LABEL_FREE)
def test_label_free_methods_need_neither_classes_nor_labels(method):
    image, text, label = pairs()
    model = made(method, num_classes=None)
    model.fit(image, text)
    torch.testing.assert_close(model.encode_image(image).repr,
                               fitted(method).encode_image(image).repr)


@pytest.mark.parametrize('method', sorted(set(METHODS) - set(LABEL_FREE)))
def test_the_others_refuse_to_be_without(method):
    image, text, _ = pairs()
    with pytest.raises(ValueError, match='needs num_classes'):
        made(method, num_classes=None)
    with pytest.raises(ValueError, match='none of the 60 training rows'):
        made(method).fit(image, text, torch.full((60, ), -1))


@pytest.mark.parametrize('method', ['SemanticMatching', 'NearestClassMean',
                                    'ShrunkenLDA', 'RBFLeastSquares',
                                    'SelfTraining'])
def test_a_class_without_rows_is_never_predicted(method):
    _, _, label = pairs()
    label[label == 1] = -1
    image, _, _ = pairs(seed=1)
    assert fitted(method, label).encode_image(image).repr[:, 1].max() == 0


@pytest.mark.parametrize('method', ['NearestClassMean', 'ShrunkenLDA',
                                    'SemanticMatching', 'RBFLeastSquares'])
def test_one_row_a_class_is_enough(method):
    _, _, label = pairs()
    label[3:] = -1
    assert agreement(fitted(method, label)) > .5


def test_methods_with_training_rows_say_so():
    keep = {name for name in METHODS if made(name).keeps_training_rows}
    assert keep == {'RBFLeastSquares', 'KernelCCA', 'ASIF'}
    assert {name for name in METHODS if any(
        key.endswith('_rows') for key in fitted(name).state_dict())} == keep


def test_every_method_names_its_paper(method):
    assert made(method).paper.startswith('https://')
    assert made(method).paper_title


def test_lengths_go_where_a_modality_is_normalised():
    image, text, label = pairs()
    model = made('CCA', l2_normalized=('image', ))
    model.fit(image, text, label)
    torch.testing.assert_close(model.encode_image(image).repr,
                               model.encode_image(3 * image).repr)


def test_rows_that_are_not_finite_are_refused(method):
    image, text, label = pairs()
    text[7, 1] = float('nan')
    with pytest.raises(ValueError, match=r'text vectors.*\[7\]'):
        made(method).fit(image, text, label)


def test_unequal_numbers_of_rows_are_refused():
    image, text, label = pairs()
    with pytest.raises(ValueError, match='60 images and 59 texts'):
        made('CCA').fit(image, text[1:], label)


def test_a_trained_trunk_is_refused():
    with pytest.raises(ValueError, match="'frozen', got 'train'"):
        made('CCA', trunk=dict(input_shape=(6, ), mode='train'))


def test_an_unknown_modality_is_refused():
    with pytest.raises(ValueError, match='sound'):
        made('CCA', l2_normalized=('sound', ))


def test_it_is_no_method_by_itself():
    from mmengine.registry import MODELS
    assert ClosedFormModel.__name__ not in MODELS.module_dict
