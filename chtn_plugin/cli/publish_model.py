"""Make a trained run ready to be passed on.

Writes the folder OUT/NAME with the weights and what it takes to use them (no
optimizer, no history; the file's hash in its name), a model card in Markdown,
and metafile.yml and model-index.yml as OpenMMLab's tools read them. The
weights load without running anything.
"""
from __future__ import annotations

import argparse
import sys

from .command import CommandParser


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/publish_model.py work_dirs/chtn_demo '
        '--out published --name chtn_glyphs --data "Unicode glyphs" '
        '--licence Apache-2.0 --results results.json')
    parser.add_argument('run', help='work directory or checkpoint')
    parser.add_argument('--out', required=True,
                        help='folder that gets the folder NAME')
    parser.add_argument('--name', help='short name of the model (default: '
                        'that of the work directory)')
    parser.add_argument('--data', required=True,
                        help='what it was trained on')
    parser.add_argument('--licence', required=True,
                        help='of the weights; the data may bind it')
    parser.add_argument('--results', nargs='*', default=[],
                        help='result files of tools/test.py or '
                        'tools/score.py, whose figures the card gives; one '
                        'for each seed')
    parser.add_argument('--remarks', default='',
                        help='what a user should know: limits, risks')
    parser.add_argument('--trust-checkpoint', action='store_true',
                        help='let the checkpoint run programs here')
    return parser.parse_args()


def main() -> None:
    """Publish."""
    args = parse_args()
    from chtn_plugin.export.publish import publish
    try:
        path = publish(args.run, args.out, args.name, args.data,
                       args.licence, args.results, args.remarks,
                       args.trust_checkpoint)
    except (ValueError, OSError, KeyError) as error:
        sys.exit(f'error: {error}')
    print(f'written: {path} ({path.stat().st_size / 1e6:.1f} MB), README.md, '
          'metafile.yml, model-index.yml')
