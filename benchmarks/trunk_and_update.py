"""What a fused update and channels-last weights save in a training step.

    OMP_NUM_THREADS=1 python benchmarks/trunk_and_update.py [--rounds 9]

Two tables: the feature-level step (CHTN, 4096-d images, batch 64 + 64, all
losses) with SGD as torch has it and fused; and the forward pass of a frozen
trunk with its weights as they are made and channels-last. The two sides of
each take turns in one process, and only their processor time counts; the
ratio is the median over the turns. Equality is checked first.
"""
from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import chtn_plugin  # noqa: F401  (first: see its __init__)
from chtn_plugin.models import Trunk

import torch
from mmengine.registry import MODELS
from torch import Tensor

from figures import Figure, add_json_option, write_figures

# A narrow network's weights are too few to tell.
FUSED_LIMITS = {64: 1.05, 512: 0.95}
LAYOUT_LIMIT = 0.9


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--block', type=int, default=5,
                        help='steps a round of the feature-level step')
    parser.add_argument('--images', type=int, default=16)
    add_json_option(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print('| what | ms before | ms now | now over before | limit | agree '
          'within |\n|---|---|---|---|---|---|')
    figures = []
    for width, limit in FUSED_LIMITS.items():
        figures.append(report(
            f'feature-level step, {width} wide, SGD fused',
            *[feature_step(width, args.block, fused)
              for fused in (False, True)], args.rounds, args.block, limit))
    for name, backbone in (
            ('AlexNetBN', dict(type='AlexNetBN')),
            ('ResNet-18', dict(type='mmpretrain.ResNet', depth=18))):
        figures.append(report(
            f'frozen {name}, {args.images} images, channels-last',
            *[trunk_pass(backbone, args.images, last)
              for last in (False, True)], args.rounds, 1, LAYOUT_LIMIT))
    write_figures(args.json, 'trunk_and_update', figures)


def report(name: str, before: Callable[[], Tensor],
           now: Callable[[], Tensor], rounds: int, block: int,
           limit: float) -> Figure:
    """Print a row of two ways that must give the same numbers."""
    expected = before()
    error = ((expected - now()).abs().max() / expected.abs().max()).item()
    seconds = []
    for _ in range(rounds):
        marks = [time.process_time()]
        for way in (before, now):
            way()
            marks.append(time.process_time())
        seconds.append((marks[1] - marks[0], marks[2] - marks[1]))
    ratio = statistics.median(b / a for a, b in seconds)
    first, second = (statistics.median(column) * 1e3 / block
                     for column in zip(*seconds, strict=True))
    print(f'| {name} | {first:.1f} | {second:.1f} | {ratio:.3f} | {limit} | '
          f'{error:.1e} |', flush=True)
    return Figure(name, ratio, 'the same without', limit=limit)


def feature_step(width: int, steps: int, fused: bool) -> Callable[[], Tensor]:
    """Some training steps, which return the weights of a layer."""
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='CHTN', num_classes=10, num_source_classes=10, backbone=None,
        input_shape=(4096, ),
        text_encoder=dict(type='VectorTextEncoder', out_features=300),
        image_pathway=dict(type='Pathway', widths=(width, width), dropout=0.),
        common_head=dict(type='CommonHead', widths=(width, width)))).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9,
                                weight_decay=5e-4, fused=fused)
    inputs = dict(image=torch.randn(64, 4096), text=torch.randn(64, 300),
                  source_image=torch.randn(64, 4096))
    samples = dict(label=torch.arange(64) % 10, image_idx=torch.arange(64),
                   text_idx=torch.arange(64),
                   source_label=torch.arange(64) % 10)

    def run() -> Tensor:
        torch.manual_seed(1)
        for _ in range(steps):
            losses = model.loss(inputs, samples)
            optimizer.zero_grad()
            torch.stack([value for name, value in losses.items()
                         if name.startswith('loss_')]).sum().backward()
            optimizer.step()
        return model.common_head.state_dict()['fc8.weight'].clone()
    return run


def trunk_pass(backbone: dict, images: int, channels_last: bool
               ) -> Callable[[], Tensor]:
    """The forward pass of a frozen trunk; returns its vectors."""
    torch.manual_seed(0)
    trunk = Trunk(backbone, (3, 224, 224), 'frozen', 'average',
                  channels_last=channels_last).eval()
    pictures = torch.randn(images, 3, 224, 224)

    @torch.no_grad()
    def run() -> Tensor:
        return trunk(pictures)
    return run


if __name__ == '__main__':
    main()
