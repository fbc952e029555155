"""The rooms of the package, and the tests that mirror them."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / 'chtn_plugin'

#: Files without a test file of their name, and why it is obvious that they
#: need none. The list only gets shorter; a new file brings its own test.
THROUGH_CALLERS = {
    # An alias, whose warning test_moved.py asks for; a number.
    '': 'hooks version',
    # They join an inferencer to what its own test covers, or serve pages:
    # test_index.py, test_extract_features.py, test_pictures.py (of storage,
    # which has the name) and test_serve.py run them whole.
    'apis': 'approximate_search encoded_split pictures search_page',
    # Commands: tested as they are called, several by one file
    # (test_analysis_tools.py, test_benchmark_tool.py).
    'cli': 'analyze_logs benchmark browse_dataset get_flops print_config',
    # What tools/check_data.py calls: test_check_data.py.
    'curation': 'checked_data',
    # The frame of every preparation: the test of each, and test_download.py.
    'curation/preparation': 'base',
    # A constructor over wikipedia_files.py.
    'datasets': 'wikipedia',
    # A hook that calls the function of the same name: test_gradients.py
    # trains on two ranks with both.
    'engine/hooks/fitting': 'global_batch_norm',
    'models': 'global_batch_norm',
    # Numba's copy of counting.py: test_ranking.py asks both for one count;
    # published numbers, of which test_protocols.py asks (test_splits.py is
    # that of datasets); test_item_gathering.py (test_gathering.py is that of
    # losses).
    'evaluation': 'counting_compiled gathering splits',
    # test_onnx_parity.py, and test_export_onnx.py as a user exports.
    'export': 'onnx_export',
    # Models of transformers, both in test_hf.py.
    'models/backbones': 'hf_vision',
    # A parser of protobuf's own messages: test_caffe.py reads files by it.
    'models/conversion': 'caffemodel',
    # test_hf.py, and test_word_encoders.py for both encoders of words.
    'models/text_encoders': 'bigru hf_text word_cnn',
    # What the check of two ranks starts in each: test_check_method.py.
    'studies': 'rank_check',
}


def without_test() -> set[str]:
    """Source files that no test file of their name stands for."""
    found = set()
    for path in PACKAGE.rglob('*.py'):
        place = path.relative_to(PACKAGE)
        name = f'test_{path.stem.lstrip("_")}.py'
        if path.name != '__init__.py' and not (
                TESTS / place.parent / name).is_file():
            found.add(place.with_suffix('').as_posix())
    return found


def test_every_source_file_has_a_test_file_of_its_name():
    known = {f'{room}/{name}'.lstrip('/')
             for room, names in THROUGH_CALLERS.items()
             for name in names.split()}
    assert without_test() == known


def test_rooms_import_only_those_below_and_never_in_a_circle(monkeypatch,
                                                             capsys):
    cli = pytest.importorskip('importlinter.cli')
    monkeypatch.chdir(PACKAGE.parent)
    status = cli.lint_imports(no_cache=True)
    assert status == 0, capsys.readouterr().out


#: Rooms that may know how CHTN is built; all others ask the contract.
KNOW_CHTN = ('models', 'methods', 'losses')
ANATOMY = re.compile(r'(?<!\w)(trunk|Trunk|fc\d+|source_pathway)(?!\w)')


def names_in(tree: ast.AST) -> Iterator[str]:
    """Names, keywords and strings of a file; documentation apart."""
    documentation = {
        id(node.body[0].value) for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and node.body and isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and id(node) not in documentation:
                yield node.value
        elif isinstance(node, ast.alias):
            yield f'{node.name} {node.asname}'
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ''
        else:
            yield from (value for value in (
                getattr(node, field, None) for field in (
                    'id', 'attr', 'arg', 'name')) if isinstance(value, str))


def test_only_models_methods_and_losses_name_how_chtn_is_built():
    named = {
        f'{path.relative_to(PACKAGE)}: {name}'
        for path in PACKAGE.rglob('*.py')
        if path.relative_to(PACKAGE).parts[0] not in KNOW_CHTN
        for name in names_in(ast.parse(path.read_text(encoding='utf-8')))
        if ANATOMY.search(name)}
    assert named == set()


@pytest.mark.parametrize('source', [
    'model.trunk', 'dict(source_pathway=None)', "taps['fc10']", 'trunk = 1',
    'from ..models.trunk import Trunk', 'import chtn_plugin.models.trunk',
    'def f(trunk): pass', "tap = '--tap fc7 --out fc7.npz'"])
def test_the_search_for_names_finds_them(source):
    assert any(map(ANATOMY.search, names_in(ast.parse(source))))


@pytest.mark.parametrize('source', [
    '"""A trunk."""', 'x = 1  # trunk', 'truncated = 1', 'trunks = fc'])
def test_the_search_for_names_passes_over_documentation(source):
    assert not any(map(ANATOMY.search, names_in(ast.parse(source))))
