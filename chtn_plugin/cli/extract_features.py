"""Encode a split of a run's data, or pictures and texts of your own.

With --images or --texts no run is needed: pretrained encoders by name encode
a folder or manifest whole, into a file to train on.

The file holds both modalities, their classes and names; tools/score.py
scores it, tools/search.py searches it, numpy.load reads it. A folder or a
.txt file knows no classes: what is made of it can be searched, not scored.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .command import (
    CommandParser,
    add_model_arguments,
    plain_errors,
    plain_interrupt,
)
from .json_output import add_json_argument, json_output

if TYPE_CHECKING:
    from chtn_plugin.apis import RetrievalInferencer

#: Values of ``Extraction.text_mode``, whose module imports torch.
_TEXT_MODES = ('join', 'each')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Examples:\n'
        '  python tools/extract_features.py work_dirs/chtn_demo '
        '--out test.npz\n'
        '  python tools/extract_features.py work_dirs/chtn_demo --split train '
        '--tap LAYER --out layer.npz\n'
        '  python tools/extract_features.py best.pth --source pictures/ '
        '--out mine.npz\n'
        '  python tools/extract_features.py path/to/folder --images offline '
        '--texts offline\n      --out features.npz\n'
        '  python tools/extract_features.py pairs.tsv --images offline '
        '--texts offline\n      --out features.npz --shard 3/64\n'
        '  python tools/extract_features.py features.shards --merge '
        '--out features.npz')
    parser.add_argument('run', help='work directory or checkpoint; '
                        'towers:NAME, pretrained towers as they are; with '
                        '--images or --texts a folder of pairs, or a '
                        'manifest; with --merge a folder of shards')
    parser.add_argument('--data', metavar='MANIFEST',
                        help='of towers:NAME: whose --split to encode, for '
                        'tools/score.py')
    parser.add_argument('--out', required=True, help='.npz file to write')
    parser.add_argument('--split', default='test',
                        choices=['train', 'val', 'test'],
                        help='which of the run\'s data (default: test)')
    parser.add_argument('--source', help='folder, manifest or .txt file to '
                        'encode instead')
    parser.add_argument('--tap', default='repr',
                        help='layer to take, as the model names it (a name it '
                        'lacks lists them); repr is the common '
                        'representation')
    parser.add_argument('--data-root', default='',
                        help='where the run\'s data lie now')
    add_model_arguments(parser, bf16=True)
    encoders = parser.add_argument_group('encoders by name, without a run')
    encoders.add_argument('--images', metavar='NAME|DIR',
                          help='encoder of the pictures, as '
                          'make_manifest.py --help lists them (default: '
                          'auto, where --texts is given)')
    encoders.add_argument('--texts', metavar='NAME|DIR',
                          help='encoder of the texts')
    encoders.add_argument('--text-mode', choices=_TEXT_MODES,
                          help='several texts of a picture: one row of all, '
                          'or one of each (default: join)')
    encoders.add_argument('--label-separator', metavar='CHAR',
                          help='what separates several classes of a row')
    encoders.add_argument('--batch-size', type=int, metavar='N',
                          help='pictures or texts at once (default: 64)')
    encoders.add_argument('--cache', metavar='FOLDER',
                          help='keeps what is computed, so that a run that '
                          'was interrupted goes on (default: '
                          'data/feature_cache)')
    encoders.add_argument('--shard', metavar='N/COUNT',
                          help='encode this part alone, into the folder '
                          'OUT.shards; auto: as torchrun, srun or a Slurm '
                          'array says. One that is there is left')
    parser.add_argument('--merge', action='store_true',
                        help='join the shards of a folder, without loading '
                        'them')
    add_json_argument(parser, 'how much was encoded')
    args = parser.parse_args()
    options = {name: value for name in (
        'images', 'texts', 'text_mode', 'label_separator', 'batch_size',
        'cache') if (value := getattr(args, name)) is not None}
    args.encoders = options
    if options and not (args.images or args.texts):
        parser.error(f'--{min(options).replace("_", "-")} goes with --images '
                     'or --texts')
    if options and (args.source or args.tap != 'repr' or args.data_root
                    or args.data):
        parser.error('--source, --tap, --data and --data-root belong to a '
                     'run, --images and --texts need none')
    if args.shard and not options:
        parser.error('--shard goes with --images or --texts')
    if args.merge and (options or args.source or args.data):
        parser.error('--merge takes a folder of shards and --out alone')
    if not args.out.endswith('.npz'):
        parser.error(f'--out must end in .npz, got {args.out}')
    if args.source and args.tap != 'repr':
        parser.error('--tap goes with --split only')
    return args


@plain_interrupt('extract_features.py',
                 'The same command starts anew; with --images or --texts what '
                 'was encoded is kept')
def main() -> None:
    """Encode and write."""
    args = parse_args()
    with plain_errors('error'), json_output(args.json, 'features') as report:
        counts = _extract(args)
        if counts:
            print(f'{args.out}: ' + ', '.join(
                f'{n} {part}s' for part, n in counts.items()))
        report(dict(out=args.out, counts=counts))


def _extract(args: argparse.Namespace) -> dict[str, int]:
    from chtn_plugin.apis import RetrievalInferencer
    from chtn_plugin.apis.encoded_split import encode_split
    from chtn_plugin.apis.encoder_features import (
        Extraction,
        extract_features,
    )
    from chtn_plugin.apis.feature_shards import merge_shards
    from chtn_plugin.apis.named_runs import open_named_run
    from chtn_plugin.evaluation import save_embeddings
    from chtn_plugin.evaluation.embeddings import holds_our_arrays
    from chtn_plugin.storage.ownership import check_replaceable
    if args.shard:
        return _of_shard(args)
    check_replaceable(args.out, holds_our_arrays(args.out))
    if args.merge:
        merged = merge_shards(args.run, args.out)
        for name in merged['left_out']:
            print(f'{name} is left out: texts of one width would take over '
                  '2 GiB')
        return _pairs(merged)
    if args.encoders:
        counts = extract_features(args.run, args.out, Extraction(
            **args.encoders, bf16=args.bf16, device=args.device))
        print(counts['encoders'])
        if counts['left_out']:
            print(f'{counts["left_out"]} rows without a picture or a text are '
                  'left out')
        return _pairs(counts)
    model = RetrievalInferencer(
        open_named_run(args.run, args.trust_checkpoint, args.data),
        args.device, precision='bf16' if args.bf16 else 'fp32')
    if args.source:
        return _of_source(model, args)
    encoded = encode_split(model, args.split, args.tap, args.data_root)
    save_embeddings(args.out, encoded.embeddings)
    return {part: len(rows) for part in ('image', 'text')
            if (rows := encoded.embeddings.part(part)[0]) is not None}


def _of_shard(args: argparse.Namespace) -> dict[str, int]:
    from chtn_plugin.apis.encoder_features import Extraction, extract_shard
    from chtn_plugin.apis.feature_shards import Shard
    counts = extract_shard(args.run, args.out, Shard.parse(args.shard),
                           Extraction(**args.encoders, bf16=args.bf16,
                                      device=args.device))
    args.out = str(counts['file'])
    if not counts['made']:
        print(f'{args.out} is there already, and left as it is')
        return {}
    print(counts['encoders'])
    return _pairs(counts)


def _pairs(counts: dict[str, Any]) -> dict[str, int]:
    return {f'{split} pair': count
            for split, count in counts['rows'].items()}


def _of_source(model: RetrievalInferencer,
               args: argparse.Namespace) -> dict[str, int]:
    import numpy as np

    from chtn_plugin.apis.index_store import is_index
    from chtn_plugin.evaluation import Embeddings, save_embeddings
    if is_index(Path(args.source)) or args.source.endswith('.npz'):
        raise ValueError('a source must be a folder, a manifest or a .txt '
                         f'file: {args.source} is encoded already')
    gallery = model.index(args.source)
    if not len(gallery):
        raise ValueError('a source must have at least one picture or text: '
                         f'{args.source} has none that can be encoded')
    fields: dict[str, Any] = {}
    content: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    classes = sorted({name for item in gallery.items
                      for name in item['classes']})
    several = model.run.label_separator is not None
    for part in ('image', 'text'):
        items = [i for i in gallery.items if i['kind'] == part]
        if items:
            fields[part] = gallery.rows(part)
            fields[f'{part}_id'] = np.array([item['id'] for item in items])
            if classes:
                members = np.array([[name in item['classes'] for name in
                                     classes] for item in items], np.uint8)
                known = np.array(members.any(1))
                fields[f'{part}_label'] = (
                    np.where(known[:, None], members, np.nan) if several else
                    np.where(known, members.argmax(1), -1))
            content[f'{part}_content'] = [
                item['path' if part == 'image' else 'text'] for item in items]
            counts[part] = len(items)
    for name, reason in gallery.skipped:
        print(f'skipped {name}: {reason}')
    save_embeddings(args.out, Embeddings(
        **fields, classes=tuple(classes), meta=dict(
            fingerprint=model.run.fingerprint, model=model.run.name,
            similarity=model.similarity, source=args.source, **content)))
    return counts
