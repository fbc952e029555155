"""Publish a run: weights, model card and metafile."""
from __future__ import annotations

import io
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import torch
import yaml
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import MODELS

from chtn_plugin.evaluation.results import RESULTS_NAME, read_results
from chtn_plugin.storage.files import atomic_write, sha256
from chtn_plugin.storage.ownership import WrittenFiles
from chtn_plugin.version import __version__

from ..apis.hub import SCHEME, push_run
from ..apis.named_runs import open_named_run
from ..apis.published_run import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    open_published,
    write_published,
)
from ..apis.trained_run import TrainedRun, open_run
from .hub_card import front_matter

_KEPT = ('cfg', 'dataset_meta', 'epoch', 'iter', 'seed', 'experiment_name',
         'mmengine_version')


def publish(run: str | Path, folder: str | Path, name: Optional[str],
            data: str, licence: str, results: Sequence[str | Path] = (),
            remarks: str = '', trust: bool = False,
            hub: Optional[str] = None, private: bool = False) -> Path:
    """Write the weights, the card and the metafiles of a run.

    The weights twice: as safetensors with a JSON configuration, in which
    nothing is pickled, and as a ``.pth`` that OpenMMLab's tools read.

    Args:
        run: Work directory or checkpoint.
        folder: Gets a folder of the model's name, with its files.
        name: Short name. None: that of the work directory.
        data: What it was trained on, for the card.
        licence: Of the weights.
        results: Files of :func:`write_results`, one for each seed. None
            given: the run's own, where its checkpoint was tested.
        remarks: Limits and risks, for the card.
        trust: See :func:`open_run`.
        hub: ``USER/NAME``: push it to the Hugging Face hub too.
        private: Whether a new repository there is private.

    Returns:
        The file of the weights, ``NAME-HASH.pth``.

    Raises:
        ValueError: A weight is not finite, the name is none, or files that
            would be replaced are of something else.
        OSError: The hub refuses it.
    """
    opened = open_named_run(run, trust)
    name = name or opened.path.parent.resolve().name
    if not name or name != Path(name).name or name.startswith('.'):
        raise ValueError(f'a model name must be a plain file name, '
                         f'got {name!r}')
    opened.meta.setdefault('cfg', Config(opened.cfg).pretty_text)
    broken = [key for key, value in opened.state_dict.items()
              if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise ValueError('published weights must be finite: '
                         f'{broken[:3]} are not')
    opened.build_model()  # refuses weights that are not the model's
    figures = [(Path(path), read_results(path))
               for path in results or own_results(opened)]
    texts = ('README.md', f'{name}.py', 'metafile.yml', 'model-index.yml')
    written = (*texts, WEIGHTS_FILE, CONFIG_FILE)
    target = Path(folder) / name
    files = _check_target(target, name, written)
    method = MODELS.get(opened.cfg['model']['type'])
    if method.keeps_training_rows:
        print_log(f'{name}: {_carries_rows(opened, method)}',
                  logger='current', level=logging.WARNING)
    files.claim(written)
    path = _write_weights(opened, target, name)
    write_published(opened, target, _passed_on(opened))
    # Read it back, as its receiver will.
    open_published(target)
    card = front_matter(name, method.__name__, data, licence,
                        _rows(figures)) + _card(
        opened, method, name, path, data, licence, figures, remarks, hub)
    meta = _metafile(opened, method, name, path, data, figures)
    for file, text in zip(texts, (
            card, opened.meta['cfg'] + '\n', yaml.safe_dump(
                meta, sort_keys=False, allow_unicode=True),
            'Import:\n  - metafile.yml\n'), strict=True):
        with atomic_write(target / file, 'w', 'utf-8') as out:
            out.write(text)
    files.close()
    if hub is not None:
        push_run(target, hub, private)
    return path


def own_results(run: TrainedRun) -> list[Path]:
    """Find the figures of a run's own test.

    Args:
        run: The run.

    Returns:
        The results beside its checkpoint, if they are of that very file.
    """
    path = run.path.parent / RESULTS_NAME
    if not path.is_file():
        return []
    tested = read_results(path)['meta'].get('checkpoint') or ''
    return [path] if Path(tested).name == run.path.name else []


def _passed_on(run: TrainedRun) -> dict[str, Any]:
    return {key: run.meta[key] for key in _KEPT if key in run.meta}


def _check_target(folder: Path, name: str, texts: Sequence[str]
                  ) -> WrittenFiles:
    """Refuse a folder whose files are not those of the model's last time."""
    try:
        models = yaml.safe_load((folder / 'metafile.yml').read_text('utf-8'))
        own = models['Models'][0]['Name'] == name
    except (OSError, ValueError, TypeError, LookupError, yaml.YAMLError):
        own = False
    files = WrittenFiles(folder, texts if own else ())
    there = [file for file in texts if os.path.lexists(folder / file)
             and file not in files]
    if there:
        raise ValueError(
            'a model must be published into a folder of its own: '
            f'{folder} holds {", ".join(there)} of something else. Choose '
            'another --out or --name')
    return files


def _carries_rows(run: TrainedRun, method: Any) -> str:
    counts = {name: len(value) for name, value in run.state_dict.items()
              if name.endswith('_rows')}
    return (f'{method.__name__} answers from training rows, so the weights '
            'carry them: the vectors of '
            + ', '.join(f'{count} ({name})' for name, count
                        in counts.items())
            + '. Pass them on only where the data may be passed on.')


def _names_inside(run: TrainedRun) -> str:
    """Say that names of classes take part; nothing where they do not."""
    factors = {part: float(run.state_dict[key]) for part, key in (
        ('pictures', 'class_prior.image_factor'),
        ('texts', 'class_prior.text_factor')) if key in run.state_dict}
    told = ' and '.join(part for part, value in factors.items() if value)
    if not told:
        return ''
    return (f'\n- **Names of classes**: they offset the class scores of {told}'
            ', in use too (ConSE, arXiv 1312.5650); the weights hold the '
            'vectors of the names, and the classifier of other classes that '
            'reads pictures for them. Labelled rows chose how much they '
            'count.')


def _write_weights(run: TrainedRun, folder: Path, name: str) -> Path:
    meta = _passed_on(run)
    weights = {key: value.detach().cpu().clone()
               for key, value in run.state_dict.items()}
    encoded = io.BytesIO()
    torch.save(dict(meta=meta, state_dict=weights), encoded)
    digest = sha256(encoded.getvalue())
    path = folder / f'{name}-{digest[:8]}.pth'
    with atomic_write(path) as file:
        file.write(encoded.getvalue())
    # Read it back without trust, as its receiver will.
    open_run(path)
    return path


def _rows(figures: Sequence[tuple[Path, dict[str, Any]]]
          ) -> list[dict[str, Any]]:
    return [dict(figure, file=path.name, split=results['meta'].get(
        'split', 'test'), seed=results['meta'].get('seed', ''))
            for path, results in figures for figure in results['figures']]


def _card(run: TrainedRun, method: Any, name: str, path: Path, data: str,
          licence: str, figures: Sequence[tuple[Path, dict[str, Any]]],
          remarks: str, hub: Optional[str] = None) -> str:
    rows = [
        f'| {row["direction"]} | {row["value"]:.4f} | '
        + ('' if not row['interval'] else '{:.3f} to {:.3f}'.format(
            *row['interval']))
        + f' | {row["chance"]:.3f} | {row["queries"]} | {row["seed"]} | '
        f'`{row["protocol"]}` | {row["split"]} |' for row in _rows(figures)
        if row['value'] is not None and row['chance'] is not None]
    table = '\n'.join((
        '| direction | value | 95 % | chance | queries | seed | protocol | '
        'split |', '|---|---|---|---|---|---|---|---|', *rows)) if rows else (
            'None was given. `tools/test.py` and `tools/score.py` make them.')
    classes = ', '.join(run.classes) or 'not recorded'
    size = sum(value.numel() for value in run.state_dict.values())
    rows_inside = (f'\n- **Training data inside**: '
                   f'{_carries_rows(run, method)}'
                   if method.keeps_training_rows else '')
    rows_inside += _names_inside(run)
    place = ('.' if hub is None else
             f'{SCHEME}{hub.removeprefix(SCHEME)}')
    called = method.__name__
    if method.paper:
        called = f'[{called}]({method.paper})'
    return f"""# {name}

Cross-modal retrieval: pictures find texts and texts find pictures, by
{called}, trained with chtn_plugin {__version__}.

- **Data**: {data}
- **Classes** ({len(run.classes)}): {classes}
- **Trained**: {run.meta.get('iter', '?')} iterations, seed \
{run.meta.get('seed', '?')}
- **Size**: {size / 1e6:.2f} million numbers, {path.stat().st_size / 1e6:.1f} \
MB
- **Licence of the weights**: {licence}{rows_inside}
- **Fingerprint**: `{run.fingerprint}` (an index carries it)
- **SHA-256**: `{sha256(path)}`

## Figures

{table}

A figure is the mean over the queries, under the protocol named beside it;
the interval is a bootstrap over queries.

## Use

```python
from chtn_plugin.apis import RetrievalInferencer
model = RetrievalInferencer('{place}')      # or '{path.name}'
model.index('pictures/')
print(model.search(text='...').hits)
```

The file holds the configuration, the vocabulary and the class names, and
loads without running anything.

## Limits

{remarks or 'The model knows the classes and words it was trained with; a '
'text of other words is ranked by chance.'}
"""


def _metafile(run: TrainedRun, method: Any, name: str, path: Path, data: str,
              figures: Sequence[tuple[Path, dict[str, Any]]]
              ) -> dict[str, Any]:
    metrics = {f'{row["direction"]} {row["protocol"]}': round(row['value'], 4)
               for row in _rows(figures) if row['value'] is not None}
    parameters = sum(value.numel() for value in run.state_dict.values())
    model = dict(
        Name=name, Metadata=dict(Parameters=int(parameters)),
        In_Collection=method.__name__, Config=f'{name}.py', Weights=path.name,
        Results=[dict(Task='Cross-Modal Retrieval', Dataset=data,
                      Metrics=metrics)])
    model = {key.replace('_', ' '): value for key, value in model.items()}
    collection: dict[str, Any] = dict(Name=method.__name__)
    if method.paper:
        collection['Paper'] = dict(URL=method.paper, Title=method.paper_title
                                   or method.__name__)
    return dict(Collections=[collection], Models=[model])
