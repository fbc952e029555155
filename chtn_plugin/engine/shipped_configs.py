"""Find the configurations that come with the package, by name."""
from __future__ import annotations

import difflib
from pathlib import Path

PREFIX = 'chtn_plugin::'


def shipped_configs() -> Path:
    """Find the folder of configurations, of the checkout or of the wheel."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / 'configs'
    return (checkout if (checkout / '_base_').is_dir()
            else package / '.mim' / 'configs')


def config_path(name: str) -> str:
    """Find the file of a configuration.

    Args:
        name: A file, or ``chtn_plugin::NAME`` for one that comes with the
            package, as OpenMMLab writes it.

    Raises:
        FileNotFoundError: There is no such configuration.
    """
    path = (shipped_configs() / name.removeprefix(PREFIX)
            if name.startswith(PREFIX) else Path(name))
    if not path.is_file():
        raise FileNotFoundError(f'configuration not found: {name}' + (
            '' if str(path) == name else f' ({path})') + _near(path))
    return str(path)


def _near(path: Path) -> str:
    """Ask for what may be meant: a neighbour, or what the package brings."""
    neighbours = {each.name: str(each) for each in path.parent.glob('*.py')}
    shipped = {each.name: PREFIX + each.relative_to(shipped_configs())
               .as_posix() for each in shipped_configs().rglob('*.py')
               if '_base_' not in each.parts}
    for known in (neighbours, shipped):
        close = difflib.get_close_matches(path.name, known, 1, 0.8)
        if close:
            return f': did you mean {known[close[0]]}?'
    return ''
