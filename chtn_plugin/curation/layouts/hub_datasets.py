"""Data sets of the Hugging Face hub, fetched as files of known kinds."""
from __future__ import annotations

import re
from pathlib import Path

from ...storage.pictures import SUFFIXES as IMAGE_SUFFIXES
from ...storage.tables import SUFFIXES as TABLE_SUFFIXES

#: What stands before a name on the hub where a folder may be named.
SCHEME = 'hub:'
#: Data that our readers read; never a script, which would run here.
PATTERNS = tuple(f'*{suffix}' for suffix in (
    '.parquet', '.arrow', '.tar', '.json', '.txt', *TABLE_SUFFIXES,
    *IMAGE_SUFFIXES))
_NAME = re.compile(r'[\w.-]+/[\w.-]+')


def fetch_dataset(name: str, root: str | Path = 'data/hub',
                  timeout: float = 3.) -> Path:
    """Fetch a data set of the hub into a folder, as its files lie there.

    What is there already is not fetched again; an interrupted fetch goes on.

    Args:
        name: ``owner/name``, with or without ``hub:`` before it.
        root: Folder of the folders that are fetched.
        timeout: Seconds to wait for the hub's first answer.

    Returns:
        The folder; its layout is recognised as any other's.

    Raises:
        ValueError: The name is none of a data set on the hub.
        FileNotFoundError: The hub does not give it from here.
    """
    name = name.removeprefix(SCHEME)
    if not _NAME.fullmatch(name):
        raise ValueError('a data set of the hub must be named owner/name, '
                         f'got {name!r}')
    from huggingface_hub import HfApi, constants, snapshot_download
    folder = Path(root) / name.replace('/', '--')
    # The hub's client has changed its errors from release to release.
    try:
        if constants.HF_HUB_OFFLINE:
            raise OSError('HF_HUB_OFFLINE is set')
        # Asked first: the fetch itself would try for minutes.
        HfApi().dataset_info(name, timeout=timeout)
        snapshot_download(
            name, repo_type='dataset', local_dir=folder,
            allow_patterns=list(PATTERNS))
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise FileNotFoundError(
            f'the Hugging Face hub does not give the data set {name!r} from '
            f'here ({reason}). Without network: run `hf download --repo-type '
            f'dataset {name} --local-dir DIR` where there is one, copy DIR, '
            'and name it') from error
    return folder
