"""Count and draw which class is taken for which.

For each modality by the model's classifier, and in each direction of
retrieval, where a query is taken for the class of the first item that it
finds. A checkpoint holds its configuration and a file of embeddings its
labels, so that no configuration is named beside.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .command import (
    AGAIN,
    CommandParser,
    add_model_arguments,
    plain_errors,
    plain_interrupt,
)
from .json_output import add_json_argument, json_output

_TITLES = dict(image='image, by the classifier',
               text='text, by the classifier',
               i2t='image to text, the first found',
               t2i='text to image, the first found')
_KIND = 'confusion'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Examples:\n'
        '  python tools/analysis_tools/confusion_matrix.py '
        'work_dirs/chtn_demo --show-path confusion.png --include-values\n'
        '  python tools/analysis_tools/confusion_matrix.py embeddings.npz '
        '--out confusion.json')
    parser.add_argument('ckpt_or_result', nargs='+',
                        help='work directory, checkpoint, '
                        'published folder, hf://USER/NAME, towers:NAME; or '
                        'the embeddings (.npz) of test.py --out, which have '
                        'no classifier: retrieval alone')
    parser.add_argument('--out', metavar='FILE.json',
                        help='file for the matrices, as --json writes them')
    parser.add_argument('--show', action='store_true',
                        help='show the picture in a window')
    parser.add_argument('--show-path', metavar='FILE.png',
                        help='file for the picture')
    parser.add_argument('--include-values', action='store_true',
                        help='write the counts into the picture')
    parser.add_argument('--cmap', default='viridis',
                        help='colour map of matplotlib (default: '
                        '%(default)s)')
    parser.add_argument('--split', default='test',
                        choices=['test', 'val', 'train'],
                        help='whose data (default: %(default)s)')
    parser.add_argument('--data', metavar='MANIFEST',
                        help='what to test towers:NAME on')
    parser.add_argument('--data-root', default='',
                        help='where the run\'s data lie now')
    add_json_argument(parser, 'the matrices')
    add_model_arguments(parser)
    args = parser.parse_args()
    if len(args.ckpt_or_result) > 1:
        # As OpenMMLab's tools are called: CONFIG CHECKPOINT.
        parser.error('a checkpoint holds its configuration, and embeddings '
                     'their labels: name one of them, got '
                     + ' '.join(args.ckpt_or_result))
    args.ckpt_or_result, = args.ckpt_or_result
    if args.out and Path(args.out).suffix != '.json':
        parser.error(f'--out must end in .json, got {args.out}')
    return args


@plain_interrupt('confusion_matrix.py', AGAIN)
def main() -> None:
    """Encode or read, count, draw."""
    args = parse_args()
    with plain_errors('confusion_matrix.py'), json_output(
            args.out, _KIND) as keep, json_output(
            args.json, _KIND) as report:
        found = _found(args)
        _print_table(found)
        keep(found)
        report(found)
        if args.out:
            print(f'matrices: {args.out}')
        if args.show or args.show_path:
            _draw(args, found)


def _found(args: argparse.Namespace) -> dict[str, Any]:
    from chtn_plugin.evaluation.confusion import confusions
    from chtn_plugin.reporting.stamped import check_figure_path
    if args.show_path:
        check_figure_path(args.show_path)
    embeddings, predicted = _judged(args)
    matrices = confusions(embeddings, predicted)
    count = len(next(iter(matrices.values())).counts)
    names = list(embeddings.classes) or [f'class {n}' for n in range(count)]
    return dict(
        ckpt_or_result=args.ckpt_or_result, split=args.split, classes=names,
        matrices={name: dict(counts=one.counts, accuracy=one.accuracy,
                             recalls=one.recalls, left_out=one.left_out)
                  for name, one in matrices.items()})


def _judged(args: argparse.Namespace) -> Any:
    """Embeddings, and the classes that a classifier gives, by modality."""
    if args.ckpt_or_result.endswith('.npz'):
        from chtn_plugin.evaluation import read_embeddings
        return read_embeddings([args.ckpt_or_result]), {}
    from chtn_plugin.apis import RetrievalInferencer
    from chtn_plugin.apis.encoded_split import encode_split
    from chtn_plugin.apis.named_runs import open_named_run
    model = RetrievalInferencer(
        open_named_run(args.ckpt_or_result, args.trust_checkpoint,
                       args.data), args.device)
    encoded = encode_split(model, args.split, data_root=args.data_root)
    return encoded.embeddings, encoded.predicted


def _print_table(found: dict[str, Any]) -> None:
    for name, one in found['matrices'].items():
        right = ('nothing was judged' if one['accuracy'] is None else
                 f'{one["accuracy"]:.4f} right of {one["counts"].sum()}')
        left = f', {one["left_out"]} left out' if one['left_out'] else ''
        print(f'{_TITLES[name]}: {right}{left}')
        for row, column, count in _worst(one['counts']):
            print(f'  {count:5d} of {one["counts"][row].sum()} '
                  f'{found["classes"][row]} taken for '
                  f'{found["classes"][column]}')


def _worst(counts: Any, most: int = 3) -> list[tuple[int, int, int]]:
    """Rows and columns of the most frequent mistakes, and how many."""
    import numpy as np
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind='stable')[:most]
    cells = [divmod(int(place), len(wrong)) for place in order]
    return [(row, column, int(wrong[row, column])) for row, column in cells
            if wrong[row, column]]


def _draw(args: argparse.Namespace, found: dict[str, Any]) -> None:
    import matplotlib
    if not args.show:
        matplotlib.use('Agg')
    from matplotlib import pyplot

    from chtn_plugin.reporting.confusion_figure import confusion_figure
    from chtn_plugin.reporting.stamped import save_figure
    figure = confusion_figure(
        {_TITLES[name]: one['counts']
         for name, one in found['matrices'].items()},
        found['classes'], args.include_values, args.cmap)
    if args.show_path:
        save_figure(figure, args.show_path, dpi=120)
        print(f'picture: {args.show_path}')
    if args.show:
        pyplot.show()
    pyplot.close(figure)
