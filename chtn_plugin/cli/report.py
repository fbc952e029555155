"""Write one HTML file about a trained run, to look at and to pass on.

Figures with intervals and chance, precision-recall curves, classes, what
typical and worst queries find, the common space, training curves and the
configuration. The file needs no network and runs no scripts.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chtn_plugin.evaluation.protocols import DEFAULT_PROTOCOL

from .command import (
    AGAIN,
    CommandParser,
    add_model_arguments,
    add_run_argument,
    plain_errors,
    plain_interrupt,
)

if TYPE_CHECKING:
    from chtn_plugin.reporting.run_report import RunReport


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Examples:\n'
        '  python tools/report.py work_dirs/chtn_demo\n'
        '  python tools/report.py best.pth --embeddings test.npz '
        '--out report.html\n'
        '  python tools/report.py towers:openai/clip-vit-base-patch32 --data '
        'data/pairs/manifest.tsv')
    add_run_argument(parser)
    parser.add_argument('--out', help='.html file (default: report.html '
                        'beside the checkpoint; here, of towers)')
    parser.add_argument('--data', metavar='MANIFEST',
                        help='what to test towers:NAME on')
    parser.add_argument('--split', default='test', choices=['test', 'val'])
    parser.add_argument('--data-root', default='',
                        help='where the run\'s data lie now')
    parser.add_argument('--embeddings', help='.npz of '
                        'tools/extract_features.py, instead of encoding')
    parser.add_argument('--protocol', default=DEFAULT_PROTOCOL,
                        help='named protocol (default: %(default)s)')
    parser.add_argument('--worst', type=int, default=20,
                        help='worst queries shown (default: 20)')
    parser.add_argument('--no-tsne', action='store_true',
                        help='leave out the picture of the common space')
    parser.add_argument('--tsne-out', help='.png file for that picture alone')
    add_model_arguments(parser)
    return parser.parse_args()


@plain_interrupt('report.py', AGAIN)
def main() -> None:
    """Encode, score, write."""
    args = parse_args()
    from chtn_plugin.storage.files import atomic_write
    with plain_errors('error'):
        report, out = _report(args)
        text = report.html()
        with atomic_write(out, 'w', 'utf-8') as file:
            file.write(text)
    print(f'written: {out} ({len(text) / 1e6:.1f} MB)')
    if args.tsne_out and not args.no_tsne:
        if report.scatter is None:
            sys.exit('error: the picture of the common space needs '
                     'scikit-learn: pip install scikit-learn')
        from chtn_plugin.reporting.stamped import save_stamped
        with atomic_write(args.tsne_out) as file:
            save_stamped(report.scatter, file)
        print(f'written: {args.tsne_out}')


def _report(args: argparse.Namespace) -> tuple[RunReport, Path]:
    from chtn_plugin.apis import RetrievalInferencer
    from chtn_plugin.apis.encoded_split import encode_split
    from chtn_plugin.apis.named_runs import open_named_run
    from chtn_plugin.evaluation import load_embeddings
    from chtn_plugin.reporting.run_report import RunReport
    from chtn_plugin.reporting.training_log import read_training_log
    from chtn_plugin.storage.ownership import bears_stamp, check_replaceable
    for path in filter(None, (args.out, args.tsne_out)):
        check_replaceable(path, bears_stamp(path))
    model = RetrievalInferencer(
        open_named_run(args.run, args.trust_checkpoint, args.data),
        args.device)
    run = model.run
    beside = run.path.parent if run.path.is_file() else Path()
    out = Path(args.out or beside / 'report.html')
    check_replaceable(out, bears_stamp(out))
    if args.embeddings:
        embeddings = load_embeddings(args.embeddings)
    else:
        embeddings = encode_split(model, args.split,
                                  data_root=args.data_root).embeddings
    training, validation = (read_training_log(run.path.parent)
                            if run.path.is_file() else ({}, {}))
    facts = dict(split=args.split, iteration=run.meta.get('iter', '?'),
                 seed=run.meta.get('seed', '?'), model=run.fingerprint)
    report = RunReport(
        embeddings, run.name, facts, str(run.meta.get('cfg', '')), training,
        validation, args.protocol, args.worst, not args.no_tsne)
    return report, out
