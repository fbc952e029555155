"""Open whatever a user names as a run: a folder, a file, towers."""
from __future__ import annotations

from pathlib import Path
from typing import Optional

from . import hub, towers
from .published_run import is_published, open_published
from .trained_run import TrainedRun, open_run


def open_named_run(name: str | Path, trust: bool = False,
                   data: Optional[str | Path] = None) -> TrainedRun:
    """Open a run by what a command line takes.

    Args:
        name: Work directory, checkpoint or published folder; or
            ``'hf://USER/NAME'``, one on the Hugging Face hub; or
            ``'towers:NAME'``, pretrained towers as they are.
        trust: See :func:`open_run`.
        data: Manifest to test on, for towers alone.

    Raises:
        FileNotFoundError: There is nothing of that name.
        ValueError: It cannot be used, or a trained run gets other data.
    """
    text = str(name)
    if text.startswith(towers.SCHEME):
        return towers.open_towers(text.removeprefix(towers.SCHEME),
                                  data=data)
    if data is not None:
        raise ValueError('--data goes with towers:NAME alone; a trained run '
                         f'has data of its own, got {name}')
    if text.startswith(hub.SCHEME):
        return open_published(hub.fetch_run(text))
    if is_published(name):
        return open_published(name)
    return open_run(name, trust)
