"""Keep the terminal to warnings, progress and a summary of the run."""
from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from torch import nn

from ..evaluation.protocols import DEFAULT_PROTOCOL
from .figures import reported_protocol, retrieval_metric_of

#: Beginnings of what MMEngine warns its own developers of, in every run.
_NOT_FOR_USERS = ('"FileClient" will be', '"HardDiskBackend" is the alias')
#: And endings: a line for each frozen weight, hundreds with frozen encoders.
_OF_FROZEN = ' is skipped since its requires_grad=False'
#: Figures that the file has, and that make a line of progress too long.
_DETAILS = re.compile(
    r' +\S+(?:_chance|_tie_share|_unanswerable|_pair_\S+): \S+')


class TerseFilter(logging.Filter):
    """Passes warnings, and LoggerHook's lines of progress."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the terminal shows a record."""
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            return not (message.startswith(_NOT_FOR_USERS)
                        or message.endswith(_OF_FROZEN))
        return (record.module == 'logger_hook'
                and not message.startswith('Exp name'))


class TerseFormatter(logging.Formatter):
    """Leaves details out of the lines of another formatter.

    Args:
        whole: Makes the lines.
    """

    def __init__(self, whole: logging.Formatter) -> None:
        super().__init__()
        self.whole = whole

    def format(self, record: logging.LogRecord) -> str:
        """Cut chances, shares of ties and pair figures from a line."""
        line = self.whole.format(record)
        if record.levelno >= logging.WARNING:
            return line
        return _DETAILS.sub('', line)


@contextmanager
def terse_console(verbose: bool = False) -> Iterator[None]:
    """Keep the terminal to warnings and progress of loggers made inside.

    MMEngine's Runner makes its logger itself, and logs the environment and
    the configuration, hundreds of lines, before a caller gets hold of it.
    Their handlers for files are left alone.

    Args:
        verbose: Change nothing.
    """
    if verbose:
        yield
        return
    make = MMLogger.get_instance

    def get_instance(name: str, **kwargs: Any) -> Any:
        logger = make(name, **kwargs)
        for handler in logger.handlers:
            # File handlers are stream handlers too, and stay as they are.
            if not isinstance(handler, logging.FileHandler) and not any(
                    isinstance(f, TerseFilter) for f in handler.filters):
                handler.addFilter(TerseFilter())
                handler.setFormatter(TerseFormatter(
                    handler.formatter or logging.Formatter()))
        return logger
    # MMLogger inherits the method: what is set here is taken off again.
    MMLogger.get_instance = staticmethod(  # type: ignore[method-assign]
        get_instance)
    try:
        yield
    finally:
        del MMLogger.get_instance


def describe_run(runner: Any, *loops: str) -> str:
    """Describe in one line what a Runner has built.

    Args:
        runner: The Runner.
        loops: Those it will run, of ``'train'``, ``'val'``, ``'test'``.
    """
    model = runner.model
    if is_model_wrapper(model):
        model = model.module
    # A FlexibleRunner builds its model when it starts: until then a config.
    built = isinstance(model, nn.Module)
    parameters = list(model.parameters()) if built else []
    counts = ', '.join(
        f'{len(getattr(runner, f"{name}_loop").dataloader.dataset)} items '
        f'to {verb}' for name, verb in (('train', 'train on'),
                                        ('val', 'validate on'),
                                        ('test', 'test on'))
        if name in loops and getattr(runner, f'{name}_loop') is not None)
    ranks = get_world_size()
    where = next((p.device.type for p in parameters), 'cpu')
    if ranks > 1:
        where = f'{ranks} x {where}'
    if not built:
        return f"{model.get('type')}: {counts}; log: {runner.log_dir}"
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    return (f'{type(model).__name__}: '
            f'{sum(p.numel() for p in parameters):,} parameters, of which '
            f'{trained:,} are trained; {counts}; on {where}; log: '
            f'{runner.log_dir}')


def describe_best(cfg: Config, runner: Any) -> list[str]:
    """Write the closing lines of a training: best figure and its place.

    Args:
        cfg: The configuration.
        runner: The Runner, after training.

    Returns:
        No line where nothing was validated.
    """
    facts: Mapping[str, Any] = runner.message_hub.runtime_info
    score, path = facts.get('best_score'), facts.get('best_ckpt')
    if score is None:
        return [f'checkpoints: {runner.work_dir}']
    hook = cfg.get('default_hooks', {}).get('checkpoint') or {}
    name = hook.get('save_best')
    name = name if isinstance(name, str) and name != 'auto' else 'best figure'
    try:
        loop = getattr(runner, 'val_loop', None)
        protocol = reported_protocol(getattr(
            loop, 'evaluator', None)) or retrieval_metric_of(
                cfg, 'val_evaluator').get('protocol', DEFAULT_PROTOCOL)
    except KeyError:
        protocol = 'of the configuration'
    history = runner.message_hub.log_scalars.get(
        f'val/{name.rpartition("/")[0]}/i2t_chance')
    chance = '' if history is None else (
        f', chance {float(history.current()):.4f}')
    return [f'best {name} on the validation split: {float(score):.4f} '
            f'(protocol {protocol}{chance})', f'saved as {path}']
