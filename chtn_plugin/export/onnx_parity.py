"""Compare exported towers with PyTorch: numbers, ranks, tokens and pixels."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor, nn

from ..evaluation.exact_search import nearest, unit_rows
from . import onnx_runtime

# Edge cases on which both tokenizers are compared too.
_EDGES = ('', ' ', 'A Cat, 12 dogs!', '猫 é ß', 'word ' * 300,
          'हिन्दी e\u0301 ΟΔΟΣ İ 1\u20e3 \u1680²')
# Most levels of 255 that pixels may differ by on average: two decoders and
# two ways to round stay far below, another transform does not.
MAX_PIXEL_DIFFERENCE = 1.


@dataclass(frozen=True)
class FileParity:
    """How far pictures are that onnx_runtime.py loads from their files.

    It decodes with Pillow, training with OpenCV, a level or two apart.

    Attributes:
        mean: Mean absolute difference of the pixels, in levels of 255.
        largest: Largest one.
        difference: Largest absolute difference of any number of the common
            representations, each scaled to length 1, that this makes.
        samples: Pictures compared.
    """
    mean: float
    largest: float
    difference: float
    samples: int


@dataclass(frozen=True)
class Parity:
    """How far ONNX Runtime is from PyTorch.

    Attributes:
        difference: Largest absolute difference of any number: of the common
            representations, each scaled to length 1, and of probabilities.
        agreement: Share of the first ten results, over all queries of both
            directions, that both find. Results count as equal where their
            scores are.
        samples: Pictures and texts, each, that were compared.
        files: The same from picture files on. None: nothing was compared.
        refusal: Why onnx_runtime.py loads no pictures of this model; empty
            where it does.
    """
    difference: float
    agreement: float
    samples: int
    files: Optional[FileParity] = None
    refusal: str = ''


@torch.inference_mode()
def compare_towers(towers: Mapping[str, nn.Module], folder: Path,
                   inputs: Mapping[str, Mapping[str, Tensor]],
                   texts: Sequence[str], transform: Any) -> Parity:
    """Compare exported towers with those that they were made of.

    Args:
        towers: The towers in PyTorch, by kind; each gives vectors first.
        folder: The exported ones.
        inputs: What both take, by kind and name.
        texts: The texts that the input is made of; empty: ready features.
        transform: The run's text transform; None: ready features.

    Raises:
        ValueError: A text becomes other numbers there.
    """
    exported = onnx_runtime.Towers(folder)
    if texts:
        _check_tokens(exported, transform, [*texts, *_EDGES])
    worst = 0.
    rows: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for kind, tower in towers.items():
        batch = inputs[kind]
        here = [value.numpy() for value in tower(*batch.values())]
        there = (exported.texts(list(texts)) if kind == 'text' and texts else
                 exported.run(kind, {name: value.numpy() for name, value in
                                     batch.items()}))
        rows[kind] = unit_rows(here[0]), unit_rows(there[0])
        worst = max(worst, *(float(np.abs(a - b).max()) for a, b in (
            rows[kind], *zip(here[1:], there[1:], strict=True))))
    shares = [_agreement(*(side[i] for side in (rows[a], rows[b])
                           for i in (0, 1)))
              for a, b in (('image', 'text'), ('text', 'image'))]
    return Parity(worst, float(np.mean(shares)),
                  min(len(pair[0]) for pair in rows.values()))


@torch.inference_mode()
def compare_files(parity: Parity, folder: Path, files: Sequence[str],
                  inputs: Mapping[str, Tensor], tower: nn.Module) -> Parity:
    """Add how far pictures are that onnx_runtime.py loads from their files.

    Args:
        parity: Of :func:`compare_towers`.
        folder: The exported towers.
        files: Picture files; none: nothing is compared.
        inputs: Their pixels as training loads them, the one input.
        tower: The image tower in PyTorch.
    """
    if not files:
        return parity
    exported = onnx_runtime.Towers(folder)
    try:
        there = np.stack([exported.load(path) for path in files])
    except ValueError as error:
        return replace(parity, refusal=str(error))
    here, = inputs.values()
    apart = np.abs(here.numpy() - there)
    rows = [unit_rows(side) for side in (tower(here)[0].numpy(),
                                         exported.images(there)[0])]
    return replace(parity, files=FileParity(
        float(apart.mean()), float(apart.max()),
        float(np.abs(rows[0] - rows[1]).max()), len(files)))


def _check_tokens(exported: onnx_runtime.Towers, transform: Any,
                  texts: Sequence[str]) -> None:
    here = transform(texts)
    here = here if isinstance(here, dict) else dict(text=here)
    there = exported.encode(texts)
    for name, value in here.items():
        alike = np.isclose(value.numpy(), there[name], atol=1e-6).all(1)
        if not alike.all():
            raise ValueError(
                'exported texts must become the numbers that the model was '
                f'trained with: {texts[int(alike.argmin())][:50]!r} does not')


def _agreement(query: np.ndarray, query_there: np.ndarray,
               gallery: np.ndarray, gallery_there: np.ndarray) -> float:
    scores, _ = nearest(query, gallery, 10)
    _, items = nearest(query_there, gallery_there, 10)
    shares = [(gallery[places] @ row >= best[-1] - 1e-5).mean()
              for row, places, best in zip(query, items, scores,
                                           strict=True)]
    return float(np.mean(shares))
