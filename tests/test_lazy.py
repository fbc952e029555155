"""Packages whose names are imported when they are asked for."""
from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import chtn_plugin

PACKAGE = Path(chtn_plugin.__file__).parent
LAZY = sorted(
    '.'.join(('chtn_plugin', *path.parent.relative_to(PACKAGE).parts))
    for path in PACKAGE.rglob('__init__.py')
    if 'lazy_names(' in path.read_text(encoding='utf-8'))


def run(program: str) -> str:
    """What a program prints in a process of its own."""
    done = subprocess.run([sys.executable, '-c', program],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize('name', LAZY)
def test_type_checkers_see_what_the_package_has(name):
    package = import_module(name)
    assert package.__file__ is not None
    tree = ast.parse(Path(package.__file__).read_text(encoding='utf-8'))
    seen = {alias.name for node in ast.walk(tree)
            if isinstance(node, ast.If) and 'TYPE_CHECKING' in ast.dump(
                node.test)
            for line in node.body if isinstance(line, ast.ImportFrom)
            for alias in line.names}
    real = {alias.name for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.level == 1
            and not node.module.startswith('_') for alias in node.names}
    assert seen | real == set(package.__all__) | (
        {'__version__'} if name == 'chtn_plugin' else set())


@pytest.mark.parametrize('name', LAZY)
def test_every_name_is_found_and_listed(name):
    package = import_module(name)
    for public in package.__all__:
        assert getattr(package, public) is not None
        assert public in dir(package)


def test_import_loads_neither_torch_nor_mmengine():
    assert run("import chtn_plugin, sys; print({'torch', 'mmengine'} "
               "& set(sys.modules))") == 'set()'


def test_submodules_are_found_without_an_import_of_their_own():
    assert run('import chtn_plugin; '
               'print(chtn_plugin.evaluation.protocols.DEFAULT_PROTOCOL)'
               ) == 'chtn-map-all'


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        chtn_plugin.apis.nonsense  # noqa: B018


@pytest.mark.parametrize('name', [
    f'{package}.{public}' for package in LAZY
    for public in import_module(package).__all__
    if (PACKAGE.parent / package.replace('.', '/') / f'{public}.py').exists()])
def test_a_function_of_its_modules_name_stays_the_function(name):
    package, _, public = name.rpartition('.')
    assert run(f'import {name}\nfrom {package} import {public}\n'
               f'print(callable({public}))') == 'True'


def test_moved_names_are_found_with_a_warning():
    from chtn_plugin import models
    with pytest.warns(DeprecationWarning, match='chtn_plugin.methods'):
        assert models.CHTN is chtn_plugin.methods.CHTN


def test_classes_are_pickled_by_their_name():
    from chtn_plugin.datasets import Draw
    assert pickle.loads(pickle.dumps(Draw)) is Draw
