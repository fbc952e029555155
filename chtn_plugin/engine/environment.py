"""Say what a run ran on: versions, commit, data."""
from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Optional

from ..version import __version__

#: Packages whose versions may change a figure or an error; either family of
#: OpenMMLab's.
_PACKAGES = ('torch', 'torchvision', 'mmengine', 'onedl-mmengine',
             'mmcv-lite', 'mmcv', 'onedl-mmcv', 'mmpretrain',
             'onedl-mmpretrain', 'transformers', 'timm', 'numpy', 'scipy',
             'opencv-python', 'pillow', 'faiss-cpu', 'onnxruntime')


def versions() -> dict[str, str]:
    """Return versions of Python, of this package and of those it uses."""
    found = dict(python=platform.python_version(), chtn_plugin=__version__)
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            pass
    for name in ('torch', 'torchvision'):
        # Which build it is, +cu130 or +cpu, PyPI's wheels leave out of their
        # metadata.
        if name in found and name in sys.modules:
            found[name] = str(sys.modules[name].__version__)
    return found


def commit() -> Optional[str]:
    """Return the commit of the checkout, ``+`` behind it where files differ.

    None where the package is no checkout, or git is not there.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / '.git').exists():
        return None
    try:
        head, changed = (subprocess.run(
            ['git', '-C', str(root), *words], capture_output=True, text=True,
            timeout=20, check=True).stdout.strip() for words in (
                ('rev-parse', 'HEAD'),
                ('status', '--porcelain', '--untracked-files=no')))
    except (OSError, subprocess.SubprocessError):
        return None
    return head + '+' * bool(changed)


def data_hash(dataset: Any) -> Optional[str]:
    """Hash what a data set serves: ids, texts, labels, in order.

    Paths count by their names alone, so that a folder may be moved. Pixels
    are not read.

    Args:
        dataset: Has ``get_data_info``; None otherwise.

    Returns:
        Sixteen hexadecimal digits.
    """
    if not hasattr(dataset, 'get_data_info'):
        return None
    digest = hashlib.sha256()
    for number in range(len(dataset)):
        info = {name: Path(value).name if name.endswith('path') and value
                else value for name, value in
                dict(dataset.get_data_info(number)).items()}
        digest.update(json.dumps(info, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def machine() -> dict[str, Any]:
    """Describe the machine as a bug report needs it."""
    import torch
    found: dict[str, Any] = dict(
        system=platform.platform(), processor=platform.machine(),
        cores=len(_cores()), threads=torch.get_num_threads(),
        executable=sys.executable, cuda=torch.version.cuda)
    if torch.cuda.is_available():
        found['gpus'] = [torch.cuda.get_device_name(number)
                         for number in range(torch.cuda.device_count())]
    return found


def _cores() -> Any:
    import os
    return (os.sched_getaffinity(0) if hasattr(os, 'sched_getaffinity')
            else range(os.cpu_count() or 1))
