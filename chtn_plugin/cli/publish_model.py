"""Make a trained run ready to be passed on.

Writes the folder OUT/NAME with the weights and what it takes to use them (no
optimizer, no history): model.safetensors with config.json, in which nothing is
pickled, and a .pth with its hash in the name, as OpenMMLab's tools read it; a
model card in Markdown with YAML metadata, metafile.yml and model-index.yml.
The weights load without running anything. --hub pushes all but the .pth.
"""
from __future__ import annotations

import argparse

from .command import (
    AGAIN,
    CommandParser,
    add_model_arguments,
    plain_errors,
    plain_interrupt,
)


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
                        'for each seed (default: those of the run\'s own '
                        'test, results.json beside the checkpoint)')
    parser.add_argument('--remarks', default='',
                        help='what a user should know: limits, risks')
    parser.add_argument('--hub', metavar='USER/NAME',
                        help='push it to the Hugging Face hub too; the token '
                        'is that of `hf auth login`, or HF_TOKEN')
    parser.add_argument('--private', action='store_true',
                        help='of a new repository on the hub')
    add_model_arguments(parser, device=False)
    args = parser.parse_args()
    if args.private and not args.hub:
        parser.error('--private goes with --hub')
    return args


@plain_interrupt('publish_model.py', AGAIN)
def main() -> None:
    """Publish."""
    args = parse_args()
    from chtn_plugin.export.publish import publish
    with plain_errors('error'):
        path = publish(args.run, args.out, args.name, args.data,
                       args.licence, args.results, args.remarks,
                       args.trust_checkpoint, args.hub, args.private)
    print(f'written: {path} ({path.stat().st_size / 1e6:.1f} MB), '
          'model.safetensors, config.json, README.md, metafile.yml, '
          'model-index.yml')
    if args.hub:
        print(f'pushed: hf://{args.hub.removeprefix("hf://")}')
