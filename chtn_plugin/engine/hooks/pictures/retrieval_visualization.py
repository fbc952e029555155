"""Draw the top results of a few fixed queries while training goes on."""
from __future__ import annotations

import io
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS

from chtn_plugin.evaluation.exact_search import nearest, unit_rows
from chtn_plugin.reporting import Cell, FontStack, Row, draw_result_sheet
from chtn_plugin.storage.files import atomic_write


@HOOKS.register_module()
class RetrievalVisualizationHook(Hook):
    """Draws the top results of a few fixed queries in both directions.

    After each validation and test the picture goes to every back end of the
    visualizer (local files, TensorBoard, …) as ``retrieval_val`` or
    ``retrieval_test``, and as ``retrieval_val.png`` (the latest) to the
    work directory. Right results are green, wrong ones red.

    Rank 0 alone draws, from the items that it evaluated. Data sets of ready
    features have nothing to show: one line in the log says so.

    Args:
        num_queries: Queries in each direction, of classes spread evenly.
        topk: Results of each.
        queries: Item numbers to take instead of ``num_queries``.
        interval: Draw at every so many validations.
        fonts: Font files for scripts that DejaVu Sans lacks (Chinese,
            Japanese, Korean, Devanagari, …).
        scale: Pixels per unit; a card is 148 × 132 units.
        out_dir: Folder of the picture. None: the work directory.

    Raises:
        ValueError: A number is below 1, or a font cannot be read.
        FileNotFoundError: A font is missing.
    """
    priority = 'LOW'

    def __init__(self,
                 num_queries: int = 3,
                 topk: int = 5,
                 queries: Optional[Sequence[int]] = None,
                 interval: int = 1,
                 fonts: Sequence[str] = (),
                 scale: float = 1.5,
                 out_dir: Optional[str] = None) -> None:
        for name, value in (('num_queries', num_queries), ('topk', topk),
                            ('interval', interval)):
            if value < 1:
                raise ValueError(f'{name} must be at least 1, got {value}')
        if scale <= 0:
            raise ValueError(f'scale must be positive, got {scale}')
        FontStack(12, fonts)
        self.num_queries = num_queries
        self.topk = topk
        self.queries = None if queries is None else list(queries)
        self.interval = interval
        self.fonts = tuple(fonts)
        self.scale = scale
        self.out_dir = out_dir
        self._items: dict[int, dict[str, Any]] = {}
        self._validations = 0
        self._told = False

    def before_val_epoch(self, runner: Any) -> None:
        """Forget what was kept before."""
        self._items.clear()

    def before_test_epoch(self, runner: Any) -> None:
        """Forget what was kept before."""
        self._items.clear()

    def after_val_iter(self, runner: Any, batch_idx: int,
                       data_batch: Any = None,
                       outputs: Optional[Sequence] = None) -> None:
        """Keep a batch of results."""
        self._keep(outputs)

    def after_test_iter(self, runner: Any, batch_idx: int,
                        data_batch: Any = None,
                        outputs: Optional[Sequence] = None) -> None:
        """Keep a batch of results."""
        self._keep(outputs)

    def after_val_epoch(self, runner: Any,
                        metrics: Optional[dict[str, float]] = None) -> None:
        """Draw."""
        self._validations += 1
        if (self._validations - 1) % self.interval == 0:
            self._draw(runner, runner.val_dataloader.dataset, 'val', metrics)
        self._items.clear()

    def after_test_epoch(self, runner: Any,
                         metrics: Optional[dict[str, float]] = None) -> None:
        """Draw."""
        self._draw(runner, runner.test_dataloader.dataset, 'test', metrics)
        self._items.clear()

    def _keep(self, outputs: Optional[Sequence]) -> None:
        if not is_main_process():
            return
        outputs = list(outputs or ())
        # One copy from the device for a batch, not one for an item.
        parts = {name: _on_processor([item[name] for item in outputs])
                 for name in ('label', 'image_repr', 'text_repr')}
        for row, item in enumerate(outputs):
            kept = {name: values[row] for name, values in parts.items()}
            for name in ('image_idx', 'text_idx'):
                kept[name] = int(item[name])
            self._items[int(item['sample_idx'])] = kept

    def _draw(self, runner: Any, dataset: Any, split: str,
              metrics: Optional[Mapping[str, float]]) -> None:
        try:
            self._draw_sheet(runner, dataset, split, metrics)
        except Exception as error:
            # A picture that cannot be drawn must not end the run.
            print_log(f'RetrievalVisualizationHook has drawn nothing: {error}',
                      logger='current', level=logging.WARNING)

    def _draw_sheet(self, runner: Any, dataset: Any, split: str,
                    metrics: Optional[Mapping[str, float]]) -> None:
        if not is_main_process() or not self._items:
            return
        if not _has_content(dataset, next(iter(self._items))):
            if not self._told:
                print_log('RetrievalVisualizationHook draws nothing: the '
                          f'{split} data set has no image paths and texts',
                          logger='current')
                self._told = True
            return
        # A FlexibleRunner would load the training data to tell, in a test.
        iterations = runner.iter if split == 'val' else 0
        picture = draw_result_sheet(
            self._sections(dataset), fonts=self.fonts, scale=self.scale,
            title='What a few queries find'
            + (f' after {iterations} iterations' if iterations else ''),
            subtitle=self._subtitle(split, metrics))
        runner.visualizer.add_image(f'retrieval_{split}', np.asarray(picture),
                                    step=iterations)
        encoded = io.BytesIO()
        picture.save(encoded, 'PNG', optimize=True)
        path = Path(self.out_dir or runner.work_dir,
                    f'retrieval_{split}.png')
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(encoded.getvalue())

    def _subtitle(self, split: str,
                  metrics: Optional[Mapping[str, float]]) -> str:
        where = f'{split} split, {len(self._items)} items'
        if get_world_size() > 1:
            where += ' (those of rank 0)'
        figures = [f'{key.rpartition("/")[2]} {value:.3f}'
                   for key, value in (metrics or {}).items() if 'mAP' in key
                   and key.count('/') < 2]
        return ' · '.join([where, *figures])

    def _sections(self, dataset: Any) -> list[tuple[str, list[Row]]]:
        sections = []
        for source, target, heading in (
            ('image', 'text', 'Picture → texts'),
            ('text', 'image', 'Text → pictures')):
            gallery = _distinct(self._items, target)
            queries = self._chosen(source)
            if not gallery or not queries:
                continue
            scores, places = nearest(
                self._rows(queries, source), self._rows(gallery, target),
                self.topk)
            rows = []
            for query, values, top in zip(queries, scores, places,
                                          strict=True):
                hits = [gallery[place] for place in top]
                rows.append(Row(
                    self._cell(dataset, query, source),
                    [self._cell(dataset, hit, target, float(value),
                                self._relevant(query, hit))
                     for hit, value in zip(hits, values, strict=True)]))
            sections.append((heading, rows))
        return sections

    def _rows(self, items: Sequence[int], part: str) -> np.ndarray:
        return unit_rows(np.stack(
            [self._items[item][f'{part}_repr'] for item in items]))

    def _chosen(self, part: str) -> list[int]:
        """The same items at every validation, of different classes."""
        items = _distinct(self._items, part)
        if self.queries is not None:
            return [item for item in self.queries if item in items]
        of_class: dict[int, list[int]] = {}
        for item in items:
            label = self._items[item]['label']
            first = int(label) if label.ndim == 0 else int(label.argmax())
            of_class.setdefault(first, []).append(item)
        classes = sorted(of_class)
        # Evenly over the classes, and round by round where there are few.
        count = min(self.num_queries, len(items))
        turns = [classes[int((i + 0.5) * len(classes) / count) %
                         len(classes)] for i in range(count)]
        chosen = []
        for name in turns:
            members = of_class[name] or items
            member = members.pop(len(members) // 2)
            if member not in chosen:
                chosen.append(member)
        return chosen

    def _relevant(self, a: int, b: int) -> bool:
        one, other = self._items[a]['label'], self._items[b]['label']
        return bool(one == other if one.ndim == 0 else (one * other).any())

    def _cell(self, dataset: Any, item: int, part: str,
              score: Optional[float] = None,
              right: Optional[bool] = None) -> Cell:
        info = dataset.get_data_info(item)
        label = self._items[item]['label']
        numbers = [int(label)] if label.ndim == 0 else np.flatnonzero(label)
        names = getattr(dataset, 'metainfo', {}).get('classes')
        shown = ', '.join(names[n] if names else f'class {n}'
                          for n in numbers)
        return Cell(info['img_path'] if part == 'image' else None,
                    info['text'], shown, score, right)


def _on_processor(values: Sequence[Any]) -> list[Any]:
    """The values of a batch as arrays, None where there is none."""
    present = [torch.as_tensor(value) for value in values
               if value is not None]
    if not present:
        return [None] * len(values)
    stacked = torch.stack(present).detach()
    if stacked.dtype == torch.bfloat16:
        stacked = stacked.float()
    rows = iter(stacked.cpu().numpy())
    return [None if value is None else next(rows) for value in values]


def _has_content(dataset: Any, item: int) -> bool:
    if not hasattr(dataset, 'get_data_info'):
        return False
    info = dataset.get_data_info(item)
    return 'img_path' in info and 'text' in info


def _distinct(items: Mapping[int, Mapping[str, Any]], part: str) -> list[int]:
    """Items with each image (or text) once, in the data set's order."""
    first: dict[int, int] = {}
    for item in sorted(items):
        index = items[item][f'{part}_idx']
        if index >= 0 and items[item][f'{part}_repr'] is not None:
            first.setdefault(index, item)
    return list(first.values())
