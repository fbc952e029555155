"""Find the configurations that come with the package, by name."""
from __future__ import annotations

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
            '' if str(path) == name else f' ({path})'))
    return str(path)
