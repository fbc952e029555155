"""Suggest which pairs to label next, and which labels to look at again.

CONFIG has ready features or frozen encoders, and training pairs without a
class. OUT gets a page with pictures and labels.csv: fill in its column
'label', then give it back with --apply, which writes a new manifest, or with
make_manifest.py --label-from file:labels.csv.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .command import AGAIN, add_config_arguments, plain_errors, plain_interrupt
from .json_output import add_json_argument, json_output

_WAYS = ('coverage', 'both', 'disagreement')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Examples:\n  python tools/suggest_labels.py configs/mine.py '
        '--number 30\n  python tools/suggest_labels.py configs/mine.py '
        '--apply work_dirs/labels_mine/labels.csv \\\n      --manifest '
        'path/to/manifest_2.tsv')
    add_config_arguments(parser)
    parser.add_argument('--number', type=int, default=20,
                        help='pairs to label (default: 20)')
    parser.add_argument('--by', default='coverage', choices=_WAYS,
                        help='coverage: those that stand for many without a '
                        'label; disagreement: those of which picture and '
                        'text say different things; both (default: '
                        'coverage, which gained most where it was measured)')
    parser.add_argument('--suspects', type=int, default=20,
                        help='labels to look at again at most (default: 20)')
    parser.add_argument('--measure', action='store_true',
                        help='measure on this very set what asking gains '
                        'over drawing at random: hides the labels of '
                        'training pairs, reads the test split')
    parser.add_argument('--draws', type=int, default=8,
                        help='draws of --measure (default: 8)')
    parser.add_argument('--apply', metavar='CSV', type=Path,
                        help='write a manifest with the labels of this file')
    parser.add_argument('--manifest', metavar='FILE', type=Path,
                        help='the manifest that --apply writes, .tsv')
    parser.add_argument('--out', metavar='FOLDER', help='folder of the page '
                        'and the CSV (default: work_dirs/labels_NAME)')
    add_json_argument(parser, 'the suggestions')
    args = parser.parse_args(argv)
    if (args.apply is None) != (args.manifest is None):
        parser.error('--apply and --manifest go together')
    if args.apply and args.json:
        parser.error('--json has suggestions, --apply makes none')
    return args


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Suggest, or write the manifest of what was filled in."""
    from chtn_plugin.engine.launch import load_config
    for name, least in (('number', 1), ('suspects', 0), ('draws', 1)):
        if getattr(args, name) < least:
            raise ValueError(f'{name} must be at least {least}, got '
                             f'{getattr(args, name)}')
    cfg = load_config(args)
    if args.apply is not None:
        _apply(args, cfg)
        return {}
    from chtn_plugin.storage.files import atomic_write
    from chtn_plugin.storage.ownership import bears_stamp, check_replaceable
    from chtn_plugin.studies.asking_gain import asking_gain
    from chtn_plugin.studies.config_rows import read_config_rows
    from chtn_plugin.studies.pair_features import prepare
    from chtn_plugin.studies.suggestion_page import (
        suggestions_page,
        table_rows,
        write_labels_csv,
    )
    name = Path(args.config).stem
    out = Path(args.out or f'work_dirs/labels_{name}')
    files = out / 'suggestions.html', out / 'labels.csv'
    check_replaceable(files[0], bears_stamp(files[0]))
    # A person may have filled it in: it is never replaced.
    check_replaceable(files[1], False)
    rows = read_config_rows(cfg, name, undo=False)
    prepared = prepare(rows.features, 400)
    suggestions = _suggestions(args, rows, prepared)
    gains = []
    if args.measure:  # on all labels, also those that an option takes away
        every = read_config_rows(cfg, name)
        gains = asking_gain(prepare(every.features, 400), draws=args.draws)
    with atomic_write(files[0], 'w', 'utf-8') as file:
        file.write(suggestions_page(
            f'Labels for {name}', f'{int((prepared.label == -1).sum())} '
            'training pairs have no label', suggestions, gains))
    write_labels_csv(files[1], suggestions, _all_rows(cfg, rows))
    for cells in table_rows(suggestions):
        print('  '.join(cell for cell in cells if cell))
    for line in _gain_lines(gains):
        print(line)
    print(f'written: {files[0]}, {files[1]}')
    return dict(config=args.config, suggestions=suggestions, gains=gains,
                written=files)


def _suggestions(args: argparse.Namespace, rows: Any, prepared: Any
                 ) -> list[Any]:
    import numpy as np

    from chtn_plugin.models.pair_teaching import taught_scores
    from chtn_plugin.studies.label_suggestions import (
        disagreement,
        next_rows,
        suspects,
    )
    from chtn_plugin.studies.suggestion_page import ASK, CHECK
    label = np.where(prepared.train, prepared.label, -2)
    if not (label >= 0).any():
        raise ValueError('some training pairs must have a label to suggest '
                         'more: none has')
    count = len(rows.classes)
    scores = taught_scores(prepared.image, prepared.text, label, count)
    found = []
    if (label == -1).any():
        for row in next_rows(prepared, label, scores, args.number, args.by):
            found.append(_suggestion(ASK, rows, int(row), scores))
    for suspect in suspects(prepared, label, count)[:args.suspects]:
        found.append(_suggestion(CHECK, rows, suspect.row, scores, suspect))
    differs = disagreement(*scores)
    return [_with(made, float(differs[row])) for row, made in found]


def _with(made: Any, value: float) -> Any:
    from dataclasses import replace
    return replace(made, disagreement=value)


def _suggestion(ask: str, rows: Any, row: int, scores: Any,
                suspect: Any = None) -> tuple[int, Any]:
    from scipy.special import log_softmax, softmax

    from chtn_plugin.studies.suggestion_page import Suggestion
    classes, item = rows.classes, rows.items[row]
    image, text = (softmax(part[row]) for part in scores)
    joint = softmax(sum(log_softmax(part[row]) for part in scores))
    guess = int(joint.argmax()) if suspect is None else suspect.likely
    share = float(joint[guess]) if suspect is None else suspect.share
    given = rows.features.label[row]
    says = [f'{classes[int(part.argmax())]} {part.max():.0%}'
            for part in (image, text)]
    return row, Suggestion(
        ask, item.id, item.path, item.text,
        classes[given] if given >= 0 else '', classes[guess], share,
        says[0], says[1], disagreement=0.)


def _gain_lines(gains: Any) -> list[str]:
    from chtn_plugin.studies.suggestion_page import gain_head, gain_rows
    if not gains:
        return []
    return ['  '.join(cells) for cells in (gain_head(gains),
                                           *gain_rows(gains))]


def _all_rows(cfg: Any, rows: Any) -> list[dict[str, str]]:
    """Every pair of the data: of the manifest, or of the file of features."""
    records = _records(cfg)
    if records is not None:
        return [dict(id=record.id, image=record.image or '',
                     label=';'.join(record.classes), split=record.split,
                     words=' '.join(record.texts)) for record in records[1]]
    features = rows.features
    return [dict(id=item.id, image='', split=item.id.partition(':')[0],
                 label=rows.classes[number] if number >= 0 else '',
                 words=item.text)
            for item, number in zip(rows.items, features.label, strict=True)]


def _test_data(cfg: Any) -> dict[str, Any]:
    from chtn_plugin.engine.config_files import part_of
    where = 'the configuration'
    return dict(part_of(part_of(cfg, 'test_dataloader', where), 'dataset',
                        where))


def _records(cfg: Any) -> Any:
    """Path and rows of the configuration's manifest; None: it has none."""
    from chtn_plugin.datasets.manifest import read_manifest
    dataset = _test_data(cfg)
    if 'ann_file' not in dataset:
        return None
    path = Path(dataset.get('data_root', '')) / dataset['ann_file']
    return path, read_manifest(path, dataset.get('columns'))


def _apply(args: argparse.Namespace, cfg: Any) -> None:
    from dataclasses import replace

    from chtn_plugin.datasets.manifest import (
        with_other_cells,
        write_manifest,
    )
    from chtn_plugin.storage.ownership import check_replaceable
    from chtn_plugin.studies.suggestion_page import read_labels_csv
    known = _records(cfg)
    if known is None:
        raise ValueError('labels go back into a manifest: the data of '
                         f'{args.config} have none')
    check_replaceable(args.manifest, False)
    path, records = known
    dataset = _test_data(cfg)
    classes = dataset.get('classes') or sorted(
        {name for record in records for name in record.classes})
    given = read_labels_csv(args.apply, list(classes))
    strange = set(given) - {record.id for record in records}
    if strange:
        raise ValueError(f'every id must be one of {path}: {args.apply} has '
                         f'{sorted(strange)[:5]}')
    made = [replace(record, classes=(given[record.id], ) if given[record.id]
                    else ()) if record.id in given else record
            for record in records]
    write_manifest(args.manifest, with_other_cells(made, path))
    changed = sum(one.classes != other.classes
                  for one, other in zip(made, records, strict=True))
    print(f'{changed} labels differ from {path}; written: {args.manifest}\n'
          'next: train with it, as ann_file of the configuration or with\n'
          '  --cfg-options '
          + ' '.join(f'{key}={args.manifest.name}' for key in _ann_keys(cfg)))


def _ann_keys(cfg: Any) -> list[str]:
    """Dotted keys under which the configuration names its manifest."""
    keys = []
    for split in ('train', 'val', 'test'):
        head = f'{split}_dataloader.dataset'
        dataset = dict(cfg.get(f'{split}_dataloader', {}).get('dataset', {}))
        parts = [name for name in ('target', 'unlabelled') if name in dataset]
        keys += [f'{head}.{part}.ann_file' for part in parts] or [
            f'{head}.ann_file']
    return keys


@plain_interrupt('suggest_labels.py', AGAIN)
def main(argv: list[str] | None = None) -> None:
    """Read the command line and suggest."""
    args = parse_args(argv)
    with plain_errors('suggest_labels.py'), json_output(
            args.json, 'suggestions') as report:
        report(run(args))
