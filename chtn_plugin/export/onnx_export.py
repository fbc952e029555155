"""Export both towers to ONNX, if they answer like PyTorch there."""
from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor, nn

from chtn_plugin.storage.files import atomic_write
from chtn_plugin.storage.ownership import (
    TEMPORARY,
    WrittenFiles,
    is_abandoned,
    own_set,
    temporary_path,
)
from chtn_plugin.text import HFTokens, WordTransform

from . import onnx_runtime
from .onnx_parity import (
    MAX_PIXEL_DIFFERENCE,
    Parity,
    compare_files,
    compare_towers,
)

OUTPUTS = ('repr', 'probabilities')
# What an export consists of.
_FILES = ('image.onnx', 'text.onnx', 'towers.json', 'tokenizer.json',
          'onnx_runtime.py')


class Tower(nn.Module):
    """Pixels (0..255) or encoded texts in, vectors and probabilities out.

    A model without a classifier gives vectors alone.

    Args:
        model: The trained model, whose normalisation layers get a scale of
            one and a shift of zero where they have none: the exporter cannot
            do without behind a recurrent network.
        kind: ``'image'`` or ``'text'``.
        names: Names of the inputs where a text has several.

    Attributes:
        batch: Items that the exported tower takes at once: ``'batch'``, any
            number, or 1.
    """

    def __init__(self, model: nn.Module, kind: str,
                 names: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.model: Any = model
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm1d) and not layer.affine:
                layer.weight = nn.Parameter(torch.ones(layer.num_features))
                layer.bias = nn.Parameter(torch.zeros(layer.num_features))
        self.kind = kind
        self.names = names
        self.batch: str | int = 'batch'

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it gives."""
        return OUTPUTS if self.model.num_classes is not None else OUTPUTS[:1]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Encode one batch."""
        value: Any = inputs[0]
        if self.names:
            value = dict(zip(self.names, inputs, strict=True))
        data = self.model.data_preprocessor(
            dict(inputs={self.kind: value}, data_samples={}), False)
        encoded = getattr(self.model, f'encode_{self.kind}')(
            data['inputs'][self.kind])
        if encoded.logits is None:
            return (encoded.repr, )
        return encoded.repr, encoded.logits.softmax(1)


def export_towers(inferencer: Any, folder: str | Path,
                  tolerance: float = 1e-4, agreement: float = 0.99,
                  samples: int = 200, source: Optional[str] = None
                  ) -> Parity:
    """Write ``image.onnx``, ``text.onnx``, ``towers.json`` and a loader.

    Where texts are words or tokens, a ``tokenizer.json`` too. Nothing is
    written unless the exported towers answer like PyTorch: images from pixels
    on, texts from the string on. With a source, pictures that are loaded
    without OpenCV may differ by :data:`MAX_PIXEL_DIFFERENCE` on average.

    Args:
        inferencer: A :class:`RetrievalInferencer`.
        folder: Gets the files.
        tolerance: Largest difference allowed.
        agreement: Least rank agreement allowed.
        samples: How many pictures and texts to compare on.
        source: Folder or manifest to take them from. None: noise, and words
            of the vocabulary.

    Raises:
        ImportError: ``onnx`` or ``onnxruntime`` is not installed.
        ValueError: The towers do not answer alike, the tokenizer has no
            ``tokenizer.json``, or files of something else would be replaced.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError('the export needs onnx and onnxruntime: pip '
                          'install onnx onnxruntime') from error
    folder = Path(folder)
    files_of_ours = _written_files(folder)
    model = deepcopy(inferencer.model).cpu().eval()
    inputs, texts, files = _samples(inferencer, samples, source)
    with _building_folder(folder) as building:
        towers = {}
        for kind in ('image', 'text'):
            towers[kind] = _export(model, kind, inputs[kind],
                                   building / f'{kind}.onnx')
        _write_tokenizer(inferencer.text_transform, building)
        _write_meta(inferencer, building, inputs, towers)
        parity = compare_towers(towers, building, inputs, texts,
                                inferencer.text_transform)
        parity = compare_files(parity, building, files, inputs['image'],
                               towers['image'])
        if not (parity.difference <= tolerance
                and parity.agreement >= agreement):
            raise ValueError(
                'exported towers must answer like PyTorch: the largest '
                f'difference is {parity.difference:.2g} (allowed '
                f'{tolerance:.2g}), the rank agreement '
                f'{parity.agreement:.2%} (at least {agreement:.2%})')
        if parity.files and parity.files.mean > MAX_PIXEL_DIFFERENCE:
            raise ValueError(
                'exported pictures must have the pixels that the model was '
                f'trained with: they differ by {parity.files.mean:.2g} '
                'levels on average (allowed '
                f'{MAX_PIXEL_DIFFERENCE:.2g})')
        shutil.copy(onnx_runtime.__file__, building / 'onnx_runtime.py')
        files_of_ours.claim(path.name for path in building.iterdir())
        for path in sorted(building.iterdir()):
            path.replace(folder / path.name)
    files_of_ours.close()
    return parity


@contextmanager
def _building_folder(folder: Path) -> Iterator[Path]:
    """A folder to build in, which is gone at the end.

    What a killed export left of it is deleted by the next.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(f'.export.*{TEMPORARY}'):
        if path.is_dir() and is_abandoned(path):
            shutil.rmtree(path)
    building = temporary_path(folder / 'export')
    building.mkdir()
    try:
        yield building
    finally:
        shutil.rmtree(building)


def _written_files(folder: Path) -> WrittenFiles:
    """What an earlier export wrote into a folder, as towers.json says.

    Raises:
        ValueError: Files of something else have the names of an export's.
    """
    return own_set(folder, _FILES, 'towers.json', ('format', 'fingerprint'))


def _export(model: nn.Module, kind: str, batch: dict[str, Tensor],
            path: Path) -> Tower:
    names = tuple(batch)
    # Set evaluation mode here: the exporter restores the mode it finds.
    tower = Tower(model, kind, names if names != (kind, ) else ()).eval()
    axes = {name: {0: 'batch'} for name in (*names, *tower.outputs)}
    for name, value in batch.items():
        if _is_tokens(value):
            axes[name][1] = 'length'

    def write(rows: int) -> None:
        torch.onnx.export(
            tower, tuple(value[:rows] for value in batch.values()), str(path),
            input_names=list(names), output_names=list(tower.outputs),
            dynamic_axes=axes, dynamo=False)

    write(2)
    if not _takes_any_batch(tower, path, batch):
        # The trace holds the size of its batch: then one item at a time.
        tower.batch = 1
        for axis in axes.values():
            del axis[0]
        write(1)
    return tower


@torch.inference_mode()
def _takes_any_batch(tower: Tower, path: Path, batch: dict[str, Tensor]
                     ) -> bool:
    """Whether three items come out as right as the two that were traced."""
    import onnxruntime
    session = onnxruntime.InferenceSession(
        str(path), providers=['CPUExecutionProvider'])

    def difference(rows: int) -> float:
        inputs = [value[:rows] for value in batch.values()]
        there = session.run(list(tower.outputs), {
            name: value.numpy() for name, value in zip(batch, inputs,
                                                       strict=True)})
        return max(float(np.abs(here.numpy() - other).max())
                   for here, other in zip(tower(*inputs), there, strict=True))
    traced = difference(2)
    try:
        return difference(3) <= max(10 * traced, 1e-5)
    except Exception:  # onnxruntime's errors have no class in common
        return False


def _is_tokens(value: Tensor) -> bool:
    return value.dtype == torch.int64


def _samples(inferencer: Any, count: int, source: Optional[str]
             ) -> tuple[dict[str, dict[str, Tensor]], list[str], list[str]]:
    """Inputs of both towers, and the texts and files they are made from."""
    from ..apis.gallery_sources import list_items
    draw = np.random.default_rng(0)
    items = [] if source is None else list_items(source)
    images = [i['path'] for i in items if i['kind'] == 'image'][:count]
    texts = [i['text'] for i in items if i['kind'] == 'text'][:count]
    shape = inferencer.model.towers()['image'].input_shape
    if images:
        image = torch.stack([inferencer.load_image(i) for i in images])
    elif inferencer.pipeline is None:
        image = torch.from_numpy(draw.standard_normal((count, *shape)))
    else:
        image = torch.from_numpy(draw.integers(0, 256, (count, *shape)))
    if inferencer.text_transform is None:
        texts = []
    elif not texts:
        words = sorted(inferencer.run.vocabulary) or list(inferencer.classes)
        texts = [' '.join(words[i] for i in draw.integers(0, len(words), 4))
                 for _ in range(count)]
    if texts:
        text = inferencer.text_transform(texts)
    else:
        width = inferencer.model.towers()['text'].out_features
        text = torch.from_numpy(draw.standard_normal((count, width))).float()
    return dict(image=dict(image=image.float()),
                text=dict(text) if isinstance(text, dict) else
                dict(text=text)), texts, images


def _write_tokenizer(transform: Any, folder: Path) -> None:
    """Write what makes tokens of texts, as the tokenizers package reads it."""
    if isinstance(transform, WordTransform):
        with atomic_write(folder / 'tokenizer.json', 'w', 'utf-8') as file:
            file.write(transform.state()['tokenizer'])
    if not isinstance(transform, HFTokens):
        return
    from tokenizers import Tokenizer
    source = transform.tokenizer
    if not hasattr(source, 'backend_tokenizer'):
        raise ValueError('a tokenizer must have a tokenizer.json to be '
                         f'exported: {type(source).__name__} has none')
    tokenizer = Tokenizer.from_str(source.backend_tokenizer.to_str())
    tokenizer.enable_truncation(transform.max_length,
                                direction=source.truncation_side)
    tokenizer.enable_padding(
        direction=source.padding_side, pad_id=source.pad_token_id,
        pad_token=source.pad_token, length=transform.max_length)
    tokenizer.save(str(folder / 'tokenizer.json'))


def _write_meta(inferencer: Any, folder: Path,
                inputs: dict[str, dict[str, Tensor]],
                towers: dict[str, Tower]) -> None:
    run = inferencer.run
    meta = dict(
        format=onnx_runtime.FORMAT, model=run.name,
        fingerprint=run.fingerprint, classes=list(inferencer.classes),
        representation=run.cfg['model'].get('representation', 'prob'),
        similarity=inferencer.similarity, balance=inferencer.model.balance,
        parts={name: [part.start, part.stop] for name, part in
               inferencer.model.parts.items()},
        inputs={kind: {name: dict(
            shape=[towers[kind].batch, *(['length'] if _is_tokens(value) else
                                         value.shape[1:])],
            dtype=str(value.dtype)[6:])
                       for name, value in batch.items()}
                for kind, batch in inputs.items()},
        pipeline=run.pipeline_config, text=run.text_config,
        text_state=_numbers_of(inferencer.text_transform))
    with atomic_write(folder / 'towers.json', 'w', 'utf-8') as file:
        json.dump(meta, file, ensure_ascii=False, indent=1)


def _numbers_of(transform: Any) -> Optional[dict[str, Any]]:
    """What a text transform holds beside its tokenizer.json."""
    if transform is None or isinstance(transform, HFTokens):
        return None
    state = transform.state()
    if isinstance(transform, WordTransform):
        del state['tokenizer']
    return state
