"""Report what pairs, names and a source add at each number of labels.

Labels are taken from the training pairs of CONFIG and given back step by step
(0, 1, 2, 4, 8 a class, 10 %, 30 %, all), in several draws. The report says
what unlabelled pairs, the names of classes, a source by its names and CHTN's
released terms gain at each, beside what needs no label at all. Pairs that
have no class in CONFIG stay without. What was measured is kept in
OUT/records.jsonl: started again, the command goes on where it was.
"""
from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from .command import add_config_arguments, plain_errors, plain_interrupt
from .json_output import add_json_argument, json_output

_RUNGS = ('0', '1/class', '2/class', '4/class', '8/class', '10%', '30%',
          '100%')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/transfer_report.py '
        'configs/few_labels/few_webnews.py --jobs 4 --trained-rungs 10%% '
        '4/class')
    add_config_arguments(parser)
    parser.add_argument('--labels', nargs='+', default=list(_RUNGS),
                        metavar='N', help='0, numbers a class as 4/class, '
                        'shares as 10%% (default: '
                        f'{" ".join(_RUNGS).replace("%", "%%")})')
    parser.add_argument('--draws', type=int, default=8, help='draws of the '
                        'labelled rows (default: 8)')
    parser.add_argument('--trained-rungs', nargs='*', default=[],
                        metavar='N', help="where CHTN's own network is "
                        'trained too, its released terms one by one: about '
                        'ten seconds a fit, six fits a draw (default: '
                        'nowhere)')
    parser.add_argument('--no-released-terms', action='store_true',
                        help='train that network without its released terms '
                        '(MMD, source supervision, pair distance): three '
                        'fits a draw')
    parser.add_argument('--trained-draws', type=int,
                        help='draws of those (default: as --draws)')
    parser.add_argument('--prior', metavar='FILE', help='file of '
                        'tools/make_class_prior.py, where CONFIG has no '
                        'class_prior')
    parser.add_argument('--prior-scale', type=float, default=1.,
                        help="what a picture's vector is multiplied by for "
                        'the source classifier (default: 1)')
    parser.add_argument('--prior-texts', action='store_true',
                        help="the texts' vectors are of the encoder that "
                        'read the names')
    parser.add_argument('--source', metavar='FILE', help='ready features of '
                        'a labelled source (arrays F and label), for the '
                        'released terms, where CONFIG has none')
    parser.add_argument('--dimensions', type=int, default=400,
                        help='principal components of a modality at most, in '
                        'closed form; 0: all (default: 400)')
    parser.add_argument('--jobs', type=int, default=1,
                        help='processes (default: 1)')
    parser.add_argument('--name', help='what to call the set (default: the '
                        "configuration's)")
    parser.add_argument('--out', metavar='FOLDER', help='folder of records '
                        'and reports (default: work_dirs/transfer_NAME)')
    add_json_argument(parser, 'the table')
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure what is missing, then write the report."""
    from chtn_plugin.engine.launch import load_config
    from chtn_plugin.studies.label_budgets import LabelBudget
    from chtn_plugin.studies.record_store import RecordStore
    from chtn_plugin.studies.transfer_ladder import (
        Ladder,
        parse_rung,
        run_ladder,
    )
    from chtn_plugin.studies.transfer_page import check_reports, write_reports
    from chtn_plugin.studies.transfer_table import summary
    draws = args.draws if args.trained_draws is None else args.trained_draws
    for name, value in (('draws', args.draws), ('trained_draws', draws)):
        if value < 1:
            raise ValueError(f'{name} must be at least 1, got {value}')
    ladder = Ladder([parse_rung(text) for text in args.labels], args.draws,
                    [LabelBudget.parse(text) for text in args.trained_rungs],
                    draws, args.dimensions, not args.no_released_terms)
    cfg = load_config(args)
    name = args.name or Path(args.config).stem
    out = Path(args.out or f'work_dirs/transfer_{name}')
    check_reports(out)
    setup = _setup(args, cfg, name)
    records = run_ladder(setup, ladder, RecordStore(out / 'records.jsonl'),
                         args.jobs)
    features = setup.rows.features
    how = dict(
        set=name, command='python tools/transfer_report.py '
        + shlex.join(sys.argv[1:]), draws=args.draws,
        train=int(features.train.sum()), test=int((~features.train).sum()),
        classes=len(setup.rows.classes), protocol=setup.rows.protocol,
        prepared=setup.prepared.prepared, lacks=_lacks(setup))
    table = summary(records)
    paths = write_reports(out, table, how)
    print('\n'.join(table['words']))
    print('written: ' + ', '.join(map(str, paths)))
    return dict(how, **table)


def _setup(args: argparse.Namespace, cfg: Any, name: str) -> Any:
    from dataclasses import replace

    from chtn_plugin.studies.config_rows import read_config_rows, source_rows
    from chtn_plugin.studies.pair_features import prepare
    from chtn_plugin.studies.transfer_ladder import Setup, read_classifier
    rows = read_config_rows(cfg, name)
    if args.prior:
        rows = replace(rows, prior=dict(
            type='ClassNamePrior', file=args.prior, scale=args.prior_scale,
            text_weight=1. if args.prior_texts else 0.))
    if args.source:
        rows = replace(rows, source=source_rows(
            dict(type='SourceFeatureDataset', file=args.source),
            lambda features: features))
    return Setup(rows, prepare(rows.features, args.dimensions or None),
                 read_classifier(rows.prior))


def _lacks(setup: Any) -> list[str]:
    lines = []
    if setup.classifier is None:
        lines.append('Names and source by names: not measured, the '
                     'configuration has no class_prior (--prior gives one).')
    elif not setup.text_names:
        lines.append('Target names: not measured, the texts are vectors of '
                     'another encoder than the names.')
    if setup.rows.source is None:
        lines.append('Source supervision and MMD: not measured, there are no '
                     'ready features of a source (--source gives them).')
    return lines


@plain_interrupt('transfer_report.py',
                 'What was measured is kept; the same command goes on')
def main(argv: list[str] | None = None) -> None:
    """Read the command line and report."""
    args = parse_args(argv)
    with plain_errors('transfer_report.py'), json_output(
            args.json, 'transfer') as report:
        report(run(args))
