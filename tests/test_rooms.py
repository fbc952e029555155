"""The rooms of the package, and the tests that mirror them."""
from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / 'chtn_plugin'

#: Files without a test file of their name: their callers' tests cover them.
#: The list only gets shorter; a new file brings its own test.
THROUGH_CALLERS = {
    '': 'hooks version',
    'apis': (
        'approximate_search encoded_split opened_gallery pictures '
        'search_page'),
    'cli': 'analyze_logs benchmark browse_dataset get_flops print_config',
    'curation': 'checked_data',
    'curation/preparation': 'base verify',
    'datasets': 'wikipedia wikipedia_files',
    'engine/hooks/fitting': 'global_batch_norm',
    'evaluation': (
        'counting_compiled counting_device embeddings '
        'gathering scoring splits'),
    'export': 'onnx_export',
    'models/backbones': 'hf_vision',
    'models': 'global_batch_norm',
    'models/conversion': 'caffemodel start',
    'models/text_encoders': 'bigru hf_text word_cnn word_embedding',
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
