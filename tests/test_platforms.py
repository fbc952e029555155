"""What would tie the package to one system stands in no module's head."""
from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Modules that Python has on Unix only, or on Windows only.
ONE_SYSTEM = {'fcntl', 'grp', 'posix', 'pty', 'pwd', 'resource', 'syslog',
              'termios', 'tty', 'msvcrt', 'winreg', '_winapi'}


def imported(node: ast.AST) -> Iterator[str]:
    """Modules that a file imports as soon as it is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (name.name.split('.')[0] for name in child.names)
        elif isinstance(child, ast.ImportFrom) and not child.level:
            yield (child.module or '').split('.')[0]
        elif not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef,
                                    ast.Lambda)):
            yield from imported(child)


@pytest.mark.parametrize('code, names', [
    ('import fcntl', {'fcntl'}), ('if x:\n    from pwd import y', {'pwd'}),
    ('class A:\n    import tty.z', {'tty'}), ('from . import fcntl', set()),
    ('def f():\n    import fcntl', set())])
def test_imports_of_a_function_come_when_it_is_called(code, names):
    assert set(imported(ast.parse(code))) == names


@pytest.mark.parametrize('folder', ['chtn_plugin', 'tools', 'configs'])
def test_no_module_needs_one_system_to_be_imported(folder):
    found = {(str(path.relative_to(ROOT)), name)
             for path in (ROOT / folder).rglob('*.py')
             for name in imported(ast.parse(path.read_text('utf-8')))
             if name in ONE_SYSTEM}
    assert not found
