"""Registered parts are found by name, whoever asks and whenever."""
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import chtn_plugin
from chtn_plugin._parts import PARTS, PartsOnDemand

PACKAGE = Path(chtn_plugin.__file__).parent


def registered() -> dict[str, dict[str, tuple[str, ...]]]:
    """The parts that the sources register, in the form of PARTS."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for path in sorted(PACKAGE.rglob('*.py')):
        module = '.'.join(path.relative_to(PACKAGE).with_suffix('').parts)
        for node in ast.parse(path.read_text(encoding='utf-8')).body:
            for mark in getattr(node, 'decorator_list', ()):
                call = ast.unparse(mark)
                if call.endswith('.register_module()'):
                    parts = found.setdefault(call.split('.')[0], {})
                    parts[module] = (*parts.get(module, ()), node.name)
    return found


def test_the_table_names_every_registered_part():
    """A new part goes into ``chtn_plugin._parts.PARTS`` too."""
    def flat(parts):
        return {(registry, module, name) for registry, modules in
                parts.items() for module, names in modules.items()
                for name in names}
    assert flat(registered()) == flat(PARTS)


def run(*lines: str) -> str:
    """What a program prints in a process of its own."""
    done = subprocess.run([sys.executable, '-c', '\n'.join(lines)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


CONFIG = """
from mmengine.config import Config
import tempfile, pathlib
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, 'config.py')
    path.write_text("custom_imports = dict(imports=['chtn_plugin'])")
    Config.fromfile(path)
"""


def test_custom_imports_make_parts_known_to_a_runner_imported_before():
    assert run('from mmengine.runner import Runner',
               'from mmengine.registry import HOOKS, MODELS',
               "MODELS.get('Linear'); HOOKS.get('LoggerHook')", CONFIG,
               "print(MODELS.get('CommonHead').__name__, "
               "HOOKS.get('FiniteLossHook').__name__)"
               ) == 'CommonHead FiniteLossHook'


@pytest.mark.slow
def test_a_child_registry_finds_parts_too():
    # mmpretrain's registries ask their parents' tables alone.
    assert run(CONFIG, 'from mmengine.registry import MODELS, DefaultScope',
               "DefaultScope.get_instance('x', scope_name='mmpretrain')",
               "print(MODELS.build(dict(type='SmallConvNet')))"
               ).startswith('SmallConvNet(')


def test_one_part_is_loaded_alone():
    loaded = run('import sys, chtn_plugin',
                 'from mmengine.registry import MODELS',
                 "MODELS.get('CommonHead')",
                 "print([name for name in sys.modules if 'chtn_plugin.' in "
                 "name and 'hf_' in name])")
    assert loaded == '[]'


def test_transforms_of_mmcv_need_no_scope():
    assert run('import chtn_plugin',
               'from mmengine.registry import TRANSFORMS',
               "print(TRANSFORMS.get('LoadImageFromFile').__module__)"
               ).startswith('mmcv.transforms')


def test_a_listing_has_every_part():
    assert run('import chtn_plugin',
               'from mmengine.registry import DATASETS',
               "print('GlyphDataset' in list(DATASETS.module_dict), "
               "'GlyphDataset' in repr(DATASETS))") == 'True True'


def test_an_unknown_name_is_in_no_table():
    table = PartsOnDemand({'here': 1}, {})
    assert 'nonsense' not in table
    assert table.get('nonsense', 2) == 2
    with pytest.raises(KeyError, match='nonsense'):
        table['nonsense']


def test_a_part_registers_itself_when_it_is_asked_for():
    table = PartsOnDemand({}, {'part': lambda: table.update(part=3)})
    assert table['part'] == 3
