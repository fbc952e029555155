"""Ask a trained model with a text or a picture.

Prints the best matches with their scores, and what classes the model takes
the query for.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .command import (
    AGAIN,
    CommandParser,
    add_model_arguments,
    add_run_argument,
    plain_errors,
    plain_interrupt,
)
from .json_output import add_json_argument, json_output

if TYPE_CHECKING:
    from chtn_plugin.apis import SearchResult


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Examples:\n'
        '  python tools/search.py work_dirs/chtn_demo --gallery '
        'data/glyphs/pairs.tsv --text "small letter alpha"\n'
        '  python tools/search.py best.pth --gallery pictures.index --image '
        'query.jpg --topk 5 --out found.html\n'
        '  python tools/search.py best.pth --gallery pictures.index --both '
        '--image shoe.jpg --text red --without label=socks')
    add_run_argument(parser)
    parser.add_argument('--gallery', required=True,
                        help='folder of pictures, manifest (.tsv, .csv, '
                        '.jsonl), .txt file (a text a line), index (of '
                        'tools/index.py) or embeddings (.npz)')
    parser.add_argument('--text', action='append', default=[],
                        help='query; may come several times')
    parser.add_argument('--image', action='append', default=[],
                        help='picture file to ask with; several times too')
    parser.add_argument('--topk', type=int, default=10)
    parser.add_argument('--target', choices=['image', 'text'],
                        help='what to look for (default: the other kind)')
    parser.add_argument('--both', action='store_true',
                        help='one query of the one --text and the one '
                        '--image together: "this, but red"')
    parser.add_argument('--image-weight', type=float, default=0.5,
                        metavar='SHARE', help='share of the picture in '
                        '--both (default: 0.5)')
    parser.add_argument('--balance', type=float, metavar='SHARE',
                        help='of a model with an instance part: 0 asks for '
                        'this kind of thing, 1 for this very thing (default: '
                        'as validation chose)')
    parser.add_argument('--only', action='append', default=[],
                        metavar='FIELD=VALUE', help='find only items whose '
                        'label, path (a folder), id, text or column of the '
                        "gallery's manifest is this; several times too")
    parser.add_argument('--without', action='append', default=[],
                        metavar='FIELD=VALUE',
                        help='leave such items out')
    parser.add_argument('--out', help='.html, .png or .json file for the '
                        'results')
    parser.add_argument('--font', action='append', default=[],
                        help='font file for scripts that DejaVu Sans lacks '
                        '(.png)')
    add_json_argument(parser, 'what was found')
    add_model_arguments(parser, bf16=True)
    args = parser.parse_args()
    if not args.text and not args.image:
        parser.error('a query is needed: --text or --image')
    if args.both and (len(args.text), len(args.image)) != (1, 1):
        parser.error('--both takes one --text and one --image, got '
                     f'{len(args.text)} and {len(args.image)}')
    if args.out and Path(args.out).suffix not in ('.html', '.png', '.json'):
        parser.error(f'--out must end in .html, .png or .json, '
                     f'got {args.out}')
    return args


def show(result: SearchResult) -> str:
    """Write a result as lines of text."""
    best = sorted(result.classes.items(), key=lambda pair: -pair[1])[:3]
    lines = [f'{result.kind}: {result.query[:200]}']
    if best:
        lines.append('  taken for ' + ', '.join(f'{name} {p:.1%}'
                                                for name, p in best))
    lines += [f'  note: {note}' for note in result.notes]
    for hit in result.hits:
        what = hit.path or hit.text[:100] or hit.id
        label = f'  [{hit.label}]' if hit.label else ''
        parts = ''.join(f'  {name} {value:.2f}'
                        for name, value in hit.parts.items())
        lines.append(f'{hit.rank:5d}  {hit.score:7.4f}  {what}{label}{parts}')
    return '\n'.join(lines)


@plain_interrupt('search.py', AGAIN)
def main() -> None:
    """Load, index, search, show."""
    args = parse_args()
    with plain_errors('error'), json_output(args.json, 'search') as report:
        results = _search(args)
        print('\n\n'.join(map(show, results)))
        if args.out:
            _write(args, results)
            print(f'\nwritten: {args.out}')
        report(dict(results=[
            {key: value for key, value in vars(result).items()
             if key != 'picture'} for result in results]))


def _search(args: argparse.Namespace) -> list[SearchResult]:
    from chtn_plugin.apis import RetrievalInferencer
    from chtn_plugin.apis.search_result import holds_results
    from chtn_plugin.storage.ownership import bears_stamp, check_replaceable
    if args.out:
        check_replaceable(args.out, holds_results(args.out) if
                          args.out.endswith('.json') else
                          bears_stamp(args.out))
    model = RetrievalInferencer(args.run, args.device, args.trust_checkpoint,
                                'bf16' if args.bf16 else 'fp32')
    gallery = model.index(args.gallery)
    for name, reason in gallery.skipped:
        print(f'skipped {name}: {reason}', file=sys.stderr)
    queries = [dict(text=text) for text in args.text]
    queries += [dict(image=image) for image in args.image]
    if args.both:
        queries = [dict(text=args.text[0], image=args.image[0])]
    from chtn_plugin.apis.gallery_filter import Filter
    filters = [*map(Filter.parse, args.only),
               *(Filter.parse(text, without=True) for text in args.without)]
    return [model.search(**query, topk=args.topk, target=args.target,
                         balance=args.balance, filters=filters,
                         image_weight=args.image_weight)
            for query in queries]


def _write(args: argparse.Namespace, results: list[SearchResult]) -> None:
    from chtn_plugin.apis.search_result import draw_results, results_json
    from chtn_plugin.reporting.results_page import results_page
    from chtn_plugin.reporting.stamped import save_stamped
    from chtn_plugin.storage.files import atomic_write
    kind = Path(args.out).suffix
    if kind == '.png':
        with atomic_write(args.out) as file:
            save_stamped(draw_results(results, args.font), file)
        return
    if kind == '.json':
        text = results_json(results)
    else:
        text = results_page(results)
    with atomic_write(args.out, 'w', 'utf-8') as file:
        file.write(text)
