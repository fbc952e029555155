"""Modules of earlier releases, by the paths that they had."""
import importlib
import subprocess
import sys

import pytest

from chtn_plugin._old_modules import OLD_MODULES


@pytest.mark.parametrize('old', OLD_MODULES)
def test_every_new_place_of_an_old_module_exists(old):
    for home in OLD_MODULES[old].split():
        importlib.import_module(f'chtn_plugin.{home}')


@pytest.mark.parametrize('old, name, home', [
    ('apis.exact_search', 'unit_rows', 'evaluation.exact_search'),
    ('datasets.image_facts', 'near_duplicates', 'curation.near_duplicates'),
    ('datasets.own_data', 'make_manifest', 'curation.own_data'),
    ('datasets.own_data', 'Options', 'curation.own_pairs'),
    ('datasets.preparation.base', 'image_problem', 'curation.image_facts'),
    ('datasets.text', 'BagOfWords', 'text.bag_of_words'),
    ('hooks.finite_loss', 'FiniteLossHook',
     'engine.hooks.checks.finite_loss'),
    ('models.chtn', 'CHTN', 'methods.chtn')])
def test_a_name_is_found_by_its_old_path_with_a_warning(old, name, home):
    with pytest.warns(DeprecationWarning, match='has moved: import it from'):
        module = importlib.import_module(f'chtn_plugin.{old}')
        found = getattr(module, name)
    holder = importlib.import_module(f'chtn_plugin.{home}')
    assert found is getattr(holder, name)


def test_a_name_that_an_old_module_never_had_is_no_attribute():
    module = importlib.import_module('chtn_plugin.apis.exact_search')
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = module.no_such_name


def test_a_module_that_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module('chtn_plugin.apis.no_such_module')


def test_nothing_is_loaded_until_an_old_path_is_asked_for():
    done = subprocess.run(
        [sys.executable, '-c', 'import sys, chtn_plugin; '
         "assert 'chtn_plugin.evaluation' not in sys.modules; "
         'import chtn_plugin.apis.exact_search; '
         "assert 'torch' not in sys.modules"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
