"""Draw what the network really sees: batches after every transform."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .command import (
    AGAIN,
    CommandParser,
    add_config_arguments,
    plain_build,
    plain_errors,
    plain_interrupt,
)

if TYPE_CHECKING:
    from torch import Tensor


def displayed(image: Tensor) -> Any:
    """Stretch normalised pixels (channels, H, W) to 0..1 as a whole."""
    low, high = image.min(), image.max()
    image = (image - low) / (high - low).clamp(min=1e-6)
    return image.permute(1, 2, 0).squeeze(-1).numpy()


def draw(batch: dict[str, Any], texts: list[str], classes: list[str],
         path: Path) -> None:
    """Draw one row a pair: image, source image if there is one, and text."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot

    from chtn_plugin.reporting.stamped import save_figure
    inputs, samples = batch['inputs'], batch['data_samples']
    columns = [name for name in ('image', 'source_image', 'unlabelled_image')
               if name in inputs]
    figure, axes = pyplot.subplots(
        len(texts), len(columns) + 1, squeeze=False,
        figsize=(2.2 * len(columns) + 6, 2.3 * len(texts)))
    for row, text in enumerate(texts):
        for axis, name in zip(axes[row], columns, strict=False):
            axis.axis('off')
            if row >= len(inputs[name]):
                continue
            value = inputs[name][row]
            if value.dim() == 3:
                axis.imshow(displayed(value), cmap='gray')
            else:
                axis.text(0.5, 0.5, f'features {tuple(value.shape)}',
                          ha='center')
            title = ('no class' if name == 'unlabelled_image' else
                     _named(samples['label'][row], classes)
                     if name == 'image' else
                     _named(samples['source_label'][row], []))
            axis.set_title(
                f'{title}\n{value.min():.2f} to {value.max():.2f}',
                fontsize=8)
        axes[row, -1].axis('off')
        axes[row, -1].text(0, 0.5, text[:400], wrap=True, va='center',
                           fontsize=8)
    figure.tight_layout()
    save_figure(figure, path, dpi=100)
    pyplot.close(figure)


def _named(label: Tensor, classes: list[str]) -> str:
    if bool((label == -1).all() or label.isnan().any()):
        return 'no class'
    numbers = ([int(label)] if label.dim() == 0 else
               label.nonzero().flatten().tolist())
    return ', '.join(classes[n] if n < len(classes) else f'class {n}'
                     for n in numbers)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = CommandParser(
        description=__doc__,
        epilog='Example: python tools/browse_dataset.py configs/chtn_demo.py '
        '--output-dir seen')
    add_config_arguments(parser)
    parser.add_argument('--output-dir', '-o', default='seen',
                        help='folder of the pictures (default: seen)')
    parser.add_argument('--phase', '-p', default='train',
                        choices=['train', 'val', 'test'])
    parser.add_argument('--show-number', '-n', type=int, default=8,
                        help='number of items (default: 8)')
    return parser.parse_args()


@plain_interrupt('browse_dataset.py', AGAIN)
def main() -> None:
    """Take items, preprocess them as the model does, and draw them."""
    args = parse_args()
    from mmengine.registry import DATASETS, MODELS

    from chtn_plugin.engine.config_files import part_of
    from chtn_plugin.engine.launch import load_config
    from chtn_plugin.reporting.stamped import check_figure_path
    from chtn_plugin.text.decoding import seen_text
    with plain_errors('browse_dataset.py'):
        cfg = load_config(args)
        loader = part_of(cfg, f'{args.phase}_dataloader', args.config)
        model = part_of(cfg, 'model', args.config)
        if args.show_number < 1:
            raise ValueError('--show-number must be at least 1, got '
                             f'{args.show_number}')
        with plain_build('browse_dataset.py'):
            dataset = DATASETS.build(part_of(loader, 'dataset', args.config))
            preprocessor = MODELS.build(model.get(
                'data_preprocessor', dict(type='CrossModalDataPreprocessor')))
        folder = Path(args.output_dir)
        path = folder / f'{Path(args.config).stem}_{args.phase}.png'
        check_figure_path(path)
        # Spread over the data set, whose order may be by class.
        number = min(args.show_number, len(dataset))
        batch = preprocessor(dataset.__getitems__(
            [i * len(dataset) // number for i in range(number)]))
        pairs = getattr(dataset, 'target', dataset)
        transform = getattr(pairs, 'text_transform', None)
        texts = seen_text(transform, batch['inputs']['text'])
        draw(batch, texts, list(pairs.metainfo['classes']), path)
    print(f'{number} items of {len(dataset)}: {path}')
