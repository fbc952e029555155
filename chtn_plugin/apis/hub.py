"""Fetch published runs from the Hugging Face hub, and push them there."""
from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from .published_run import CONFIG_FILE, WEIGHTS_FILE

#: What a name begins with that means a run on the hub.
SCHEME = 'hf://'
_NAME = re.compile(r'([\w.-]+/[\w.-]+)(?:@([\w./-]+))?')
#: What of a published folder goes to the hub; its .pth stays here.
_PUSHED = (WEIGHTS_FILE, CONFIG_FILE, 'README.md', 'metafile.yml',
           'model-index.yml')


def fetch_run(name: str) -> Path:
    """Download a published run, or find it where it was downloaded.

    Args:
        name: ``'hf://USER/NAME'``, perhaps with ``@REVISION``.

    Returns:
        The folder of its files.

    Raises:
        ValueError: It is no such name.
        FileNotFoundError: The hub does not give it.
    """
    from huggingface_hub import hf_hub_download
    match = _NAME.fullmatch(name.removeprefix(SCHEME))
    if match is None:
        raise ValueError('a run on the hub must be named hf://USER/NAME or '
                         f'hf://USER/NAME@REVISION, got {name!r}')
    try:
        paths = [hf_hub_download(match[1], file, revision=match[2],
                                 endpoint=os.environ.get('HF_ENDPOINT'))
                 for file in (CONFIG_FILE, WEIGHTS_FILE)]
    # The hub's client has changed its errors from release to release.
    except Exception as error:
        raise FileNotFoundError(
            f'{name} cannot be had from the hub: {_line(error)}') from error
    return Path(paths[0]).parent


def push_run(folder: str | Path, name: str, private: bool = False) -> str:
    """Upload a published folder; the repository is made if need be.

    The token is the one of ``hf auth login``, or ``HF_TOKEN``.

    Args:
        folder: What :func:`~chtn_plugin.export.publish.publish` wrote.
        name: ``USER/NAME``.
        private: Whether a new repository is private.

    Returns:
        Address of the upload.

    Raises:
        ValueError: The name is none.
        OSError: The hub refuses, or cannot be reached.
    """
    from huggingface_hub import HfApi
    name = name.removeprefix(SCHEME)
    match = _NAME.fullmatch(name)
    if match is None or match[2]:
        raise ValueError(f'a place on the hub must be USER/NAME, got {name!r}')
    api: Any = HfApi(endpoint=os.environ.get('HF_ENDPOINT'))
    try:
        api.create_repo(name, private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=name, folder_path=str(folder),
            allow_patterns=list(_PUSHED),
            commit_message='Publish with chtn_plugin')
    except Exception as error:
        raise OSError(f'{name} cannot be pushed to the hub: {_line(error)}'
                      ) from error
    return str(done)


def _line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
