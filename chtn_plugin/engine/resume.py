"""Going on with a run that was interrupted."""
from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Optional

from mmengine.config import Config

from .checkpoints import find_checkpoint, load_checkpoint, newest_checkpoint
from .hooks.safe_checkpoint import FORMAT

#: Differences that say nothing about what is trained.
_OF_THE_MACHINE = ('work_dir', 'resume', 'load_from', 'launcher', 'env_cfg',
                   'model_wrapper_cfg', 'vis_backends', 'visualizer',
                   'log_', 'default_hooks.', 'custom_imports')


def choose_resume(work_dir: str, given: str, trust: bool = False,
                  tell: Callable[[str], None] = print,
                  cfg: Optional[Config] = None) -> Optional[str]:
    """The checkpoint to go on from, looked through before it is used.

    Args:
        work_dir: The run's folder.
        given: ``'auto'``: the newest whole one in the work directory. Or a
            checkpoint, or another run's work directory.
        trust: Whether it may hold what could run a program.
        tell: Gets a line about what was chosen.
        cfg: The configuration in use; where the checkpoint's differs from
            it, that is said.

    Returns:
        Its path; None where ``'auto'`` finds none, as in a first start.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It is torn, not trusted, holds weights alone, or is of a
            later version.
    """
    if given == 'auto':
        path = newest_checkpoint(work_dir, tell)
        if path is None:
            tell(f'no checkpoint in {work_dir} yet: training starts at the '
                 'beginning')
            return None
    else:
        path = find_checkpoint(given, tell)
    if '://' in path:
        return path
    checkpoint = load_checkpoint(path)
    meta = checkpoint.get('meta', {})
    if 'optimizer' not in checkpoint or 'iter' not in meta:
        raise ValueError(
            f'to resume needs the whole state of a run: {path} holds '
            'weights alone; load_from in the configuration starts from them')
    if 'config' in meta and not trust:
        # MMEngine runs it as a Python program when it resumes.
        raise ValueError(f'a checkpoint must hold no program: {path} has '
                         "one in meta['config']. If you trust its author: "
                         '--trust-checkpoint')
    check_format(meta, path)
    tell(f'resumes {path}: iteration {meta["iter"]}')
    changed = differences(meta.get('cfg', ''), cfg) if cfg else []
    if changed:
        tell('the run in it had another configuration (settings of the '
             'optimizer and of schedules stay as they were saved):')
        for line in changed:
            tell(f'  {line}')
    return path


def check_format(meta: Mapping, path: str = 'this checkpoint') -> int:
    """The layout of a checkpoint; 0 for those of MMEngine itself.

    Args:
        meta: The checkpoint's meta information.
        path: Its path, for the message.

    Raises:
        ValueError: It is of a later format than this version's.
    """
    version = meta.get('chtn', {}).get('format', 0)
    if version not in range(FORMAT + 1):
        raise ValueError(f'a checkpoint must be of format {FORMAT} or '
                         f'earlier: {path} has {version}; a later chtn_plugin '
                         'wrote it')
    return version


def differences(text: str, cfg: Config) -> list[str]:
    """What differs between a stored configuration and the one in use.

    Neither is run; the stored text may come from anywhere.

    Args:
        text: The stored configuration, as MMEngine prints it.
        cfg: The one in use.

    Returns:
        Lines ``key: old -> new``; what concerns the machine is left out.
    """
    old, new = (_flat(_literal(source)) for source in
                (text, cfg.pretty_text))
    lines: list[str] = []
    if not old:
        return lines
    for key in sorted(set(old) | set(new)):
        if key.startswith(_OF_THE_MACHINE):
            continue
        if old.get(key, '-') != new.get(key, '-'):
            lines.append(f'{key}: {old.get(key, "-")} -> '
                         f'{new.get(key, "-")}')
    return lines


def _literal(text: str) -> dict[str, Any]:
    """Assignments of plain values, without running anything."""
    def value(node: ast.AST) -> Any:
        if isinstance(node, ast.Call) and (
                getattr(node.func, 'id', '') == 'dict'):
            return {word.arg: value(word.value) for word in node.keywords
                    if word.arg}
        if isinstance(node, ast.Dict):
            return {ast.unparse(key).strip("'\""): value(item)
                    for key, item in zip(
                        node.keys, node.values, strict=True) if key}
        if isinstance(node, (ast.List, ast.Tuple)):
            return [value(item) for item in node.elts]
        return ast.unparse(node)
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return {}
    return {node.targets[0].id: value(node.value) for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)}


def _flat(here: Any, path: str = '') -> dict[str, str]:
    items: Iterable[tuple[Any, Any]]
    if isinstance(here, Mapping):
        items = here.items()
    elif isinstance(here, list):
        items = enumerate(here)
    else:
        return {path: here}
    return {key: item for name, value in items for key, item in _flat(
        value, f'{path}.{name}' if path else str(name)).items()}
