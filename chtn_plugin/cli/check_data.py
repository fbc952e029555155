"""Look for leaks and breakage in a data set, before they cost a run."""
from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Optional

from .command import AGAIN, CommandParser, plain_interrupt
from .json_output import add_json_argument, json_output

_EPILOG = """examples:
  %(prog)s data/wikipedia/pairs.tsv
  %(prog)s configs/chtn_wiki.py
  %(prog)s data/mine/pairs.tsv --fix        writes data/mine/pairs_fixed.tsv

The exit status is 1 if there are errors. What is looked for: one image or
text in two splits, pictures that look alike across splits, equal images with
different classes, broken and one-colour images, texts without a word or of
one, class names in the texts, classes missing from a split or nearly so,
class numbers off by one, wildly unbalanced classes."""


@plain_interrupt('check_data.py', AGAIN)
def main() -> int:
    """Run the tool; return the exit status."""
    parser = CommandParser(
        description=__doc__, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='MANIFEST|CONFIG', type=Path,
                        help='a manifest (.tsv, .csv, .jsonl), or a '
                        'configuration, whose manifests are checked')
    parser.add_argument('--root', type=Path,
                        help="folder of the images (default: the manifest's)")
    parser.add_argument('--label-separator', metavar='CHAR',
                        help="what separates several classes, usually ';'")
    parser.add_argument('--no-images', action='store_true',
                        help='do not open the image files')
    parser.add_argument('--workers', type=int, default=1, metavar='N',
                        help='images to look at side by side, and threads '
                        'that search for those alike (default: %(default)s)')
    parser.add_argument('--cache', type=Path, metavar='FOLDER',
                        help='keep what is known of the images here, for the '
                        'next look (default: data/feature_cache)')
    parser.add_argument('--no-cache', action='store_true',
                        help='keep nothing')
    parser.add_argument('--examples', type=int, default=3,
                        help='examples to show (default: %(default)s)')
    parser.add_argument('--fix', action='store_true',
                        help='write a new manifest without the rows that '
                        'leak or are broken; of two copies in different '
                        'splits the one in training goes')
    parser.add_argument('--near', action='store_true',
                        help='with --fix: drop near-duplicates too')
    parser.add_argument('--strict', action='store_true',
                        help='warnings count as errors')
    # It took any name before other tools had the option.
    add_json_argument(parser, 'the findings', any_name=True)
    args = parser.parse_args()
    if args.cache and args.no_cache:
        parser.error('--cache and --no-cache exclude each other')
    if args.examples < 0:
        parser.error(f'--examples must be 0 or more, got {args.examples}')
    if args.workers < 1:
        parser.error(f'--workers must be at least 1, got {args.workers}')
    from chtn_plugin.curation.checked_data import check, holds_findings
    try:
        with json_output(args.json, 'findings', holds_findings) as report:
            findings = check(
                args.source, args.root, args.label_separator,
                not args.no_images, args.examples,
                'near' if args.near else args.fix, workers=args.workers,
                cache=None if args.no_cache else _cache(args.cache))
            report(findings)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    bad = {'error', 'warning'} if args.strict else {'error'}
    return int(any(finding.level in bad for finding in findings))


def _cache(named: Optional[Path]) -> Optional[Path]:
    """The folder of the cache; None, and said, where it cannot be written."""
    from chtn_plugin.curation.image_facts import CACHE
    if named is not None:
        return named
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        writable = os.access(CACHE, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        print(f'nothing is kept for the next look: {CACHE} cannot be '
              'written, --cache names another folder', file=sys.stderr)
    return CACHE if writable else None
