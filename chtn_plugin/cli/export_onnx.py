"""Export the image and the text tower of a trained model to ONNX.

Writes image.onnx, text.onnx, towers.json (transforms, classes),
tokenizer.json (how texts are split, and the vocabulary), and onnx_runtime.py,
a file that runs them with numpy, onnxruntime, Pillow and, for texts,
tokenizers alone. Texts go in as strings, and pixels as they are: the
normalisation is part of the tower. The export fails, and writes nothing, where
the towers do not answer like PyTorch. With --source, pictures are compared
from the file on too: onnx_runtime.py decodes with Pillow, training with
OpenCV.
"""
from __future__ import annotations

import argparse
import dataclasses
import warnings
from typing import TYPE_CHECKING

from .command import (
    AGAIN,
    CommandParser,
    add_model_arguments,
    plain_errors,
    plain_interrupt,
)
from .json_output import add_json_argument, json_output

if TYPE_CHECKING:
    from chtn_plugin.export.onnx_parity import Parity


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/export_onnx.py work_dirs/chtn_demo '
        '--out exported --source data/glyphs/pairs.tsv')
    parser.add_argument('run', help='work directory or checkpoint')
    parser.add_argument('--out', required=True, help='folder to write')
    parser.add_argument('--source', help='folder or manifest whose pictures '
                        'and texts the towers are compared on (default: '
                        'noise, and words of the vocabulary)')
    parser.add_argument('--samples', type=int, default=200,
                        help='how many of each (default: 200)')
    parser.add_argument('--tolerance', type=float, default=1e-4,
                        help='largest difference allowed (default: 1e-4)')
    parser.add_argument('--agreement', type=float, default=0.99,
                        help='least share of the first ten results that both '
                        'must find (default: 0.99)')
    add_json_argument(parser, 'how far both are apart')
    add_model_arguments(parser, device=False)
    return parser.parse_args()


@plain_interrupt('export_onnx.py', AGAIN)
def main() -> None:
    """Export and compare."""
    args = parse_args()
    from chtn_plugin.apis import RetrievalInferencer
    from chtn_plugin.export.onnx_export import export_towers
    warnings.filterwarnings('ignore', category=DeprecationWarning)
    with plain_errors('error'), json_output(args.json, 'parity') as report:
        model = RetrievalInferencer(args.run, 'cpu', args.trust_checkpoint)
        parity = export_towers(model, args.out, args.tolerance,
                               args.agreement, args.samples, args.source)
        _say(args.out, parity)
        report(dict(dataclasses.asdict(parity), out=args.out))


def _say(out: str, parity: Parity) -> None:
    print(f'written: {out}')
    print(f'largest difference to PyTorch {parity.difference:.2g}, rank '
          f'agreement {parity.agreement:.2%} over {parity.samples} pictures '
          'and as many texts')
    if parity.files:
        print(f'from {parity.files.samples} picture files on: pixels differ '
              f'by {parity.files.mean:.2g} levels on average, at most '
              f'{parity.files.largest:.0f}; representations by '
              f'{parity.files.difference:.2g}')
    elif parity.refusal:
        print(f'onnx_runtime.py loads no pictures: {parity.refusal}')
