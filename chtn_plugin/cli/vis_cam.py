"""Show where in a picture a text, or a class, is found (Grad-CAM).

With --text the map is of the similarity that search ranks by: which places of
the picture raise it. Without, it is of a class: the one that the model takes
the picture for, or --target-category. It is as coarse as the layer it is made
of, is stretched over the picture, and says where the score comes from, not
that the score is right. A model of ready features sees no picture and has no
map.
"""
from __future__ import annotations

import argparse
from typing import Any

from .command import (
    AGAIN,
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
        '  python tools/vis_cam.py data/glyphs/images/21CA.png '
        'work_dirs/chtn_demo --text "downwards paired arrows" --save-path '
        'cam.png\n'
        '  python tools/vis_cam.py picture.jpg work_dirs/mine '
        '--preview-model')
    parser.add_argument('img', help='picture file')
    add_run_argument(parser)
    parser.add_argument('--text', help='query whose similarity is mapped')
    parser.add_argument('--target-category', metavar='CLASS',
                        help='class whose score is mapped, by name or number '
                        '(default: what the picture is taken for)')
    parser.add_argument('--target-layers', nargs='+', default=[],
                        metavar='NAME', help='layers to make the map of '
                        '(default: the last that still has places)')
    parser.add_argument('--preview-model', action='store_true',
                        help='list the layers that can be named, and stop')
    parser.add_argument('--method', default='GradCAM', type=str.lower,
                        choices=['gradcam'], metavar='GradCAM',
                        help='GradCAM, the one there is')
    parser.add_argument('--save-path', metavar='FILE.png',
                        help='picture to write; shown in a window without '
                        '(and without --json)')
    add_json_argument(parser, 'the map')
    add_model_arguments(parser)
    args = parser.parse_args()
    if args.text is not None and args.target_category is not None:
        parser.error('--text and --target-category exclude each other')
    return args


@plain_interrupt('vis_cam.py', AGAIN)
def main() -> None:
    """Encode, map, draw."""
    args = parse_args()
    with plain_errors('vis_cam.py'), json_output(args.json, 'cam') as report:
        report(_map(args))


def _map(args: argparse.Namespace) -> dict[str, Any]:
    from chtn_plugin.apis import RetrievalInferencer
    from chtn_plugin.apis.named_runs import open_named_run
    from chtn_plugin.apis.picture_map import layers_with_places, picture_map
    from chtn_plugin.reporting.stamped import check_figure_path
    if args.save_path:
        check_figure_path(args.save_path)
    model = RetrievalInferencer(
        open_named_run(args.run, args.trust_checkpoint), args.device)
    if args.preview_model:
        layers = layers_with_places(model, args.img)
        for name, shape in layers.items():
            print(f'{name}  {" x ".join(map(str, shape))}')
        return dict(layers=layers)
    found, picture, said = picture_map(
        model, args.img, args.text, args.target_category, args.target_layers)
    values = found.values.cpu().numpy()
    print(f'{said}: {found.score:.4f}; map of {values.shape[0]} x '
          f'{values.shape[1]} places from {", ".join(found.layers)}')
    if not values.any():
        print('nothing in the picture raises this score: the map is empty')
    if args.save_path or not args.json:
        _draw(args.save_path, picture, values, said)
    return dict(img=args.img, run=args.run, of=said, score=found.score,
                layers=found.layers, values=values)


def _draw(path: Any, picture: Any, values: Any, said: str) -> None:
    import matplotlib
    if path:
        matplotlib.use('Agg')
    from matplotlib import pyplot

    from chtn_plugin.reporting.cam_figure import cam_figure
    from chtn_plugin.reporting.stamped import save_figure
    figure = cam_figure(picture, values, said)
    if path:
        save_figure(figure, path, dpi=120)
        print(f'picture: {path}')
    else:
        pyplot.show()
    pyplot.close(figure)
