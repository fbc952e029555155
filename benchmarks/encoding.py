"""Encoding pictures: precision, memory layout, folding, compiling.

    OMP_NUM_THREADS=1 python benchmarks/encoding.py
        [--depth 50] [--batch-size 32] [--rounds 5] [--compile]
        [--statistics]

mmpretrain's ResNet with random weights and average pooling. Random weights
say little about accuracy: --statistics sets those of batch normalisation by a
batch of noise, the hardest case (a deep random network makes of nearly equal
pictures very different vectors).

All ways run in turn in one process, so that a busy machine slows them alike;
times are the processor's, ratios medians over rounds. The cosine is the
smallest of the batch to fp32.
"""
from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext

import chtn_plugin  # noqa: F401  (first: see its __init__)

import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.registry import MODELS
from torch import Tensor, nn

from figures import Figure, add_json_option, write_figures

BASE = 'fp32'
Encode = Callable[[Tensor], Tensor]


def random_resnet(depth: int, size: int, statistics: bool) -> nn.Module:
    """A ResNet, as it is made or with statistics of noise."""
    torch.manual_seed(0)
    model = MODELS.build(dict(type='mmpretrain.ResNet', depth=depth))
    if statistics:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.
        model.train()
        with torch.no_grad():
            model(torch.randn(8, 3, size, size))
    model.eval()
    return model


def way(model: nn.Module, bf16: bool = False, channels_last: bool = False,
        compiled: bool = False) -> Encode:
    """A function from pictures to vectors, which owns a model."""
    model = copy.deepcopy(model)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    forward = torch.compile(model) if compiled else model

    def encode(images: Tensor) -> Tensor:
        with torch.inference_mode(), (torch.autocast('cpu', torch.bfloat16)
                                      if bf16 else nullcontext()):
            return forward(images)[-1].float().mean((2, 3))
    return encode


def measure(ways: dict[str, Encode], images: Tensor, rounds: int
            ) -> dict[str, tuple[float, float, float]]:
    """For each way: seconds, ratio to the first, smallest cosine to it."""
    vectors = {name: encode(images) for name, encode in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, encode in ways.items():
            start = time.process_time()
            encode(images)
            seconds[name].append(time.process_time() - start)
    return {name: (
        statistics.median(values),
        statistics.median(base / value for base, value in zip(
            seconds[BASE], values, strict=True)),
        torch.cosine_similarity(vectors[name], vectors[BASE]).min().item())
        for name, values in seconds.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--depth', type=int, default=50)
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--statistics', action='store_true',
                        help='set those of batch normalisation by noise')
    parser.add_argument('--compile', action='store_true',
                        help='with torch.compile, too')
    add_json_option(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = random_resnet(args.depth, args.size, args.statistics)
    images = torch.randn(args.batch_size, 3, args.size, args.size,
                         generator=torch.Generator().manual_seed(1))
    folded = fuse_conv_bn(copy.deepcopy(model))
    ways = {
        BASE: way(model),
        'fp32, channels-last': way(model, channels_last=True),
        'bf16': way(model, bf16=True),
        'bf16, channels-last (ours)': way(model, True, True),
        'bf16, channels-last, BN folded': way(folded, True, True)}
    if args.compile:
        ways['bf16, channels-last, compiled'] = way(model, True, True, True)
    print(f'ResNet-{args.depth}, {len(images)} pictures of '
          f'{args.size} x {args.size}, one thread')
    measured = measure(ways, images, args.rounds)
    for name, (seconds, ratio, cosine) in measured.items():
        print(f'  {name:<32}{len(images) / seconds:8.1f} pictures/s '
              f'{ratio:6.2f} x  least cosine {cosine:.6f}')
    write_figures(args.json, 'encoding', [
        Figure(f'ResNet-{args.depth}, {name}, pictures a second', ratio, BASE,
               more=True)
        for name, (_, ratio, _) in measured.items() if name != BASE])


if __name__ == '__main__':
    main()
