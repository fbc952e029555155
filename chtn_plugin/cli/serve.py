"""Search in the browser: a text box, a place to drop a picture, answers.

Listens on this machine alone (127.0.0.1) unless told otherwise. Needs
starlette, uvicorn and python-multipart.
"""
from __future__ import annotations

import argparse
import sys

from .._errors import message_of
from .command import (
    CommandParser,
    add_model_arguments,
    add_run_argument,
    plain_interrupt,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='Example: python tools/serve.py work_dirs/chtn_demo '
        '--gallery data/glyphs/pairs.tsv')
    add_run_argument(parser)
    parser.add_argument('--gallery', required=True,
                        help='folder, manifest, .txt file, index or .npz')
    parser.add_argument('--port', type=int, default=7860)
    parser.add_argument('--host', default='127.0.0.1',
                        help='address to listen on (default: %(default)s, '
                        'this machine alone); 0.0.0.0 lets the whole network '
                        'ask, and there is no password')
    parser.add_argument('--name', action='append', default=[],
                        help='a name under which it may be asked for, where '
                        '--host is not this machine')
    add_model_arguments(parser)
    return parser.parse_args()


@plain_interrupt('serve.py',
                 'The page is closed; the same command opens it again')
def main() -> None:
    """Load, index, serve."""
    args = parse_args()
    if not 0 <= args.port < 2**16:
        sys.exit(f'error: --port must be from 0 to 65535, got {args.port}')
    from chtn_plugin.apis import RetrievalInferencer
    from chtn_plugin.apis.search_page import search_app
    try:
        import uvicorn
        model = RetrievalInferencer(args.run, args.device,
                                    args.trust_checkpoint)
        gallery = model.index(args.gallery)
        if not len(gallery):
            raise ValueError('a gallery must have at least one item: '
                             f'{args.gallery} has none')
        app = search_app(model, ('localhost', '127.0.0.1', '[::1]', args.host,
                                 *args.name))
    except ImportError as error:
        sys.exit(f'error: {error}. The search page needs: pip install '
                 'starlette uvicorn python-multipart')
    except (ValueError, OSError, KeyError) as error:
        sys.exit(f'error: {message_of(error)}')
    for name, reason in gallery.skipped:
        print(f'skipped {name}: {reason}', file=sys.stderr)
    print(f'open http://{args.host}:{args.port}', flush=True)
    uvicorn.run(app, host=args.host, port=args.port, log_level='warning')
