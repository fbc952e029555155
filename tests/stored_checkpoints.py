"""The small checkpoints in ``assets``, one for each format there has been.

    python tests/stored_checkpoints.py

writes one of the format in force. A new format gets a new file; those of
earlier ones stay as they are, so that they go on being read.
"""
from __future__ import annotations

import os
import tempfile
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from short_run import write_config

from chtn_plugin.engine.checkpoints import FORMAT, load_checkpoint

ASSETS = Path(__file__).parent / 'assets'
# Format 0 is a checkpoint of MMEngine's own hooks.
STORED = {version: ASSETS / f'format_{version}.pth'
          for version in range(FORMAT + 1)}
ITERATION, LAST = 6, 12


def stored_config(folder: Path, version: int = FORMAT) -> Config:
    """The run that they are of, its paths relative to ``folder``.

    Args:
        folder: Gets the features.
        version: 0: with none of this package's hooks.
    """
    text = Config.fromfile(write_config(folder)).pretty_text
    cfg = Config.fromstring(text.replace(f'{folder}{os.sep}', ''), '.py')
    cfg.work_dir = 'run'
    cfg.train_cfg.max_iters = LAST
    cfg.default_hooks.checkpoint.update(interval=ITERATION, max_keep_ckpts=-1)
    if version == 0:
        cfg.default_hooks.checkpoint.type = 'CheckpointHook'
        cfg.custom_hooks = []
    return cfg


def write(version: int) -> None:
    """Train the run halfway and keep its checkpoint."""
    back = os.getcwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            Runner.from_cfg(stored_config(Path(name), version)).train()
            checkpoint = load_checkpoint(f'run/iter_{ITERATION}.pth')
        finally:
            os.chdir(back)
    # The folder is gone, and its name says nothing.
    known = checkpoint['message_hub']['runtime_info']
    for key, value in known.items():
        if isinstance(value, str):
            known[key] = value.replace(f'{name}/', '')
    torch.save(checkpoint, STORED[version])


if __name__ == '__main__':
    import chtn_plugin  # noqa: F401
    write(FORMAT)
