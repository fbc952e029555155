"""Settings among which a benchmark chooses."""
import pytest
from closed_forms import made
from mmengine.registry import MODELS

from chtn_plugin.studies.fitting import _is_closed_form, model_config
from chtn_plugin.studies.spaces import (
    SPACES,
    VARIANTS,
    method_of,
    needs_names,
    needs_source,
    settings_of,
)


@pytest.mark.parametrize('name', [n for n in SPACES if _is_closed_form(n)])
def test_every_setting_of_a_closed_form_builds(name):
    for setting in SPACES[name]:
        made(name, **setting)


@pytest.mark.parametrize('name', [n for n in SPACES
                                  if not _is_closed_form(n)])
def test_trained_methods_have_four_settings_that_build(name):
    assert len(SPACES[name]) == 4
    for setting in SPACES[name]:
        MODELS.build(model_config(name, setting, 6, 5, 3, 4, 'prior.npz'))


@pytest.mark.parametrize('name', [n for n in SPACES if _is_closed_form(n)])
def test_closed_forms_have_eight_different_settings(name):
    assert len({str(sorted(s.items())) for s in SPACES[name]}) == 8


@pytest.mark.parametrize('name', SPACES)
def test_every_space_is_of_a_registered_method(name):
    assert MODELS.get(method_of(name)) is not None


def test_every_method_of_the_package_has_a_space():
    from chtn_plugin import methods
    assert {method_of(name) for name in SPACES} == set(methods.__all__)


def test_variants_differ_from_the_method_they_are_of():
    for name, method in VARIANTS.items():
        assert SPACES[name][0] != SPACES[method][0]


def test_what_a_variant_needs_is_told_by_its_settings():
    source = {name for name in SPACES if needs_source(name)}
    assert source == {'DCKT', 'CHTN-source', 'CHTN-source-no-MMD',
                      'CHTN-source-no-pair'}
    assert {name for name in SPACES if needs_names(name)} == {
        'CHTN-few-labels-names'}


def test_a_budget_takes_the_first():
    assert settings_of('CCA', None, 3) == SPACES['CCA'][:3]


def test_a_users_method_brings_its_own_space():
    class Own:
        space = [dict(a=1), dict(a=2)]
    assert settings_of('Own', Own, 1) == [dict(a=1)]


def test_a_method_without_a_space_has_its_defaults():
    assert settings_of('Own', object, 4) == [{}]


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(ValueError, match='budget must be at least 1'):
        settings_of('CCA', None, 0)
