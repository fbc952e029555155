"""Build, extend or inspect an index of pictures and texts.

An index is a folder with everything encoded by one model, which
tools/search.py opens in an instant. Work that was cut off goes on when the
same command is given again; pictures that cannot be read are listed and left
out; files that changed are encoded anew, and those that are gone from a folder
or manifest are dropped when it is given again.
"""
from __future__ import annotations

import argparse
from typing import Any

from .command import (
    CommandParser,
    add_model_arguments,
    add_run_argument,
    plain_errors,
    plain_interrupt,
)
from .json_output import add_json_argument, json_output


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Examples:\n'
        '  python tools/index.py build work_dirs/chtn_demo pictures/ '
        '--out pictures.index\n'
        '  python tools/index.py build work_dirs/chtn_demo more/ '
        '--out pictures.index   (extends it)\n'
        '  python tools/index.py build work_dirs/chtn_demo pictures/ '
        '--out pictures.index --faiss HNSW32\n'
        '  python tools/index.py inspect pictures.index')
    commands = parser.add_subparsers(dest='command', required=True)
    build = commands.add_parser('build', help='build or extend an index')
    add_run_argument(build)
    build.add_argument('source', nargs='+',
                       help='folders, manifests or .txt files')
    build.add_argument('--out', required=True, help='the index, a folder')
    build.add_argument('--faiss', metavar='FACTORY',
                       help='an approximate index too, by FAISS\'s name: '
                       'HNSW32, "IVF1024,Flat", "IVF1024,PQ16"; its recall '
                       'is measured and shown')
    build.add_argument('--recall', type=float, metavar='SHARE',
                       help='with --faiss: look at enough for this recall '
                       '(as 0.95), measured on the queries; what it takes '
                       '(efSearch, nprobe) is kept in the index')
    build.add_argument('--queries', help='.txt file of texts, or folder of '
                       'pictures, to measure the recall with (default: the '
                       'other kind in the index, or else words of the '
                       'vocabulary)')
    build.add_argument('--workers', type=int, default=1,
                       help='threads that read pictures while the model '
                       'computes (default: %(default)s; 0: none)')
    add_json_argument(build, 'what was added')
    add_model_arguments(build, bf16=True)
    inspect = commands.add_parser('inspect', help='say what an index holds')
    inspect.add_argument('index', help='the index, a folder')
    add_json_argument(inspect, 'what it holds')
    args = parser.parse_args()
    if args.command == 'build' and args.workers < 0:
        parser.error(f'--workers must be 0 or more, got {args.workers}')
    if args.command == 'build' and args.recall is not None:
        if not args.faiss:
            parser.error('--recall goes with --faiss')
        if not 0 < args.recall <= 1:
            parser.error('--recall must be above 0 and at most 1, got '
                         f'{args.recall}')
    return args


@plain_interrupt('index.py',
                 'What was encoded is kept; the same command goes on')
def main() -> None:
    """Build or inspect."""
    args = parse_args()
    with plain_errors('error'), json_output(args.json, 'index') as report:
        try:
            report(_build(args) if args.command == 'build'
                   else _inspect(args))
        except RuntimeError as error:  # another process builds it; or FAISS
            raise ValueError(str(error)) from error


def _build(args: argparse.Namespace) -> dict[str, Any]:
    from chtn_plugin.apis import RetrievalInferencer
    from chtn_plugin.apis.approximate_search import approximate_index
    from chtn_plugin.apis.index_store import IndexStore
    from chtn_plugin.evaluation.approximate import describe
    model = RetrievalInferencer(args.run, args.device, args.trust_checkpoint,
                                'bf16' if args.bf16 else 'fp32')
    store = IndexStore(args.out)
    changes = store.build(model, *args.source, workers=args.workers)
    for source, change in zip(args.source, changes, strict=True):
        print(f'{source}: {change.added} items added' + (
            f', {change.dropped} dropped that are no longer there'
            if change.dropped else ''))
    for _, name, reason in store.head['skipped']:
        print(f'skipped {name}: {reason}')
    print(f'{args.out}: {store.count} items')
    for path, done in store.sources:
        if not done:
            print(f'unfinished: {path}. Build again with it to go on')
    measured: dict[str, Any] = {}
    if args.faiss:
        measured = approximate_index(store, model, args.faiss, args.queries,
                                 args.recall)
        for kind, facts in measured.items():
            print(describe(kind, facts))
    return dict(index=args.out, items=store.count,
                sources=[dict(source=source, added=change.added,
                              dropped=change.dropped)
                         for source, change in zip(args.source, changes,
                                                   strict=True)],
                skipped=_skipped(store.head), unfinished=[
                    path for path, done in store.sources if not done],
                approximate=measured)


def _skipped(head: dict[str, Any]) -> list[dict[str, str]]:
    return [dict(name=name, reason=reason)
            for _, name, reason in head['skipped']]


def _inspect(args: argparse.Namespace) -> dict[str, Any]:
    from chtn_plugin.apis.index_store import IndexStore
    from chtn_plugin.evaluation.approximate import describe
    from chtn_plugin.storage.shards import is_file
    store = IndexStore(args.index)
    gallery = store.gallery(unfinished=True)
    store.verify()
    head = store.head
    gone = [item['path'] for item in gallery.fields('path')
            if item['path'] and not is_file(item['path'])]
    print(f'model      {head["model"]} ({head["fingerprint"]})')
    print(f'items      {gallery.count("image")} pictures, '
          f'{gallery.count("text")} texts, each {head["size"]} numbers')
    print(f'state      {"whole" if store.complete else "unfinished"}, '
          f'{len(head["parts"])} parts')
    sources = [path + ('' if done else ' (unfinished)')
               for path, done in store.sources]
    print(f'sources    {", ".join(sources)}')
    print(f'skipped    {len(head["skipped"])}')
    for _, name, reason in head['skipped']:
        print(f'           {name}: {reason}')
    if gone:
        print(f'not found  {len(gone)} picture files, such as {gone[0]}')
    for kind, facts in head.get('approximate', {}).items():
        print(f'faiss      {describe(kind, facts)}')
    return dict(index=args.index, model=head['model'],
                fingerprint=head['fingerprint'],
                images=gallery.count('image'), texts=gallery.count('text'),
                size=head['size'], complete=store.complete,
                parts=len(head['parts']),
                sources=[dict(source=path, complete=done)
                         for path, done in store.sources],
                skipped=_skipped(head), missing=gone,
                approximate=head.get('approximate', {}))
