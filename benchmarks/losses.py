"""MMD, forward and backward, against its bare matrix products and peers.

    python benchmarks/losses.py [--kernels 5] [--rounds 15] [--growth]

Both taps of a step: twice (n + n) x 4096 features, float32, one thread. All
implementations run in turn in one process, so that a busy machine slows them
alike; ratios are medians over rounds of the time over that of the bare
products in the same round. Values and gradients are compared first.

Peers are re-implemented here from the formula each library documents (none
is imported): pytorch-adapt takes three distance and three kernel matrices;
the Transfer-Learning-Library expands all differences, (2n, 2n, D).
"""
from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import chtn_plugin  # noqa: F401  (first: see its __init__)
from chtn_plugin.losses import squared_mmd

import torch
from torch import Tensor

from figures import Figure, add_json_option, write_figures

# Most time over the bare products, by rows of a domain. Of few rows the calls
# of torch show, which take as long where the products take half as long.
LIMITS = {64: 1.4, 128: 1.25, 256: 1.15}
AIM = 1.1


def bare_products(source: Tensor, target: Tensor, kernels: int) -> Tensor:
    """The two products that the loss can not do without."""
    return _Bare.apply(torch.cat([source, target]), len(source))


class _Bare(torch.autograd.Function):

    @staticmethod
    def forward(ctx, rows, num_source):
        gram = rows @ rows.T
        ctx.save_for_backward(rows, gram)
        return gram[0, 0]

    @staticmethod
    def backward(ctx, grad):
        rows, gram = ctx.saved_tensors
        return gram @ rows, None


def ours(source: Tensor, target: Tensor, kernels: int) -> Tensor:
    """chtn_plugin, the biased estimate, as the peers'."""
    return squared_mmd(source, target, 'biased', kernels)


def _gammas(rows: Tensor, sq_dist: Tensor, kernels: int) -> list[Tensor]:
    n = len(rows)
    base = n * (n - 1) / sq_dist.detach().sum()
    return [base * 2.0**(j - kernels // 2) for j in range(kernels)]


def plain_autograd(source: Tensor, target: Tensor, kernels: int) -> Tensor:
    """cdist, exp and means, left to autograd."""
    rows = torch.cat([source, target])
    sq_dist = torch.cdist(rows, rows).square()
    k = sum(torch.exp(-g * sq_dist) for g in _gammas(
        rows, sq_dist, kernels)) / kernels
    s = len(source)
    return k[:s, :s].mean() + k[s:, s:].mean() - 2 * k[:s, s:].mean()


def three_matrices(source: Tensor, target: Tensor, kernels: int) -> Tensor:
    """Formula of pytorch-adapt: three distance matrices by products."""
    def sq_dist(a: Tensor, b: Tensor) -> Tensor:
        return (a.square().sum(1)[:, None] + b.square().sum(1)
                - 2 * a @ b.T).clamp(min=0)
    parts = [sq_dist(source, source), sq_dist(target, target),
             sq_dist(source, target)]
    rows = torch.cat([source, target])
    whole = parts[0].detach().sum() + parts[1].detach().sum() + (
        2 * parts[2].detach().sum())
    gammas = _gammas(rows, whole, kernels)
    k = [sum(torch.exp(-g * part) for g in gammas).mean() / kernels
         for part in parts]
    return k[0] + k[1] - 2 * k[2]


def expanded(source: Tensor, target: Tensor, kernels: int) -> Tensor:
    """Formula of the Transfer-Learning-Library: (2n, 2n, D) differences."""
    rows = torch.cat([source, target])
    sq_dist = (rows[:, None] - rows[None]).square().sum(2)
    k = sum(torch.exp(-g * sq_dist) for g in _gammas(
        rows, sq_dist, kernels)) / kernels
    s = len(source)
    return k[:s, :s].mean() + k[s:, s:].mean() - 2 * k[:s, s:].mean()


def sampled(source: Tensor, target: Tensor, kernels: int) -> Tensor:
    """The release's estimate, O(n D)."""
    return squared_mmd(source, target, 'sampled', kernels)


def batches(n: int, width: int) -> list[Tensor]:
    """Four batches as BN and ReLU leave them."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n, width, generator=generator).add(shift).relu()
            .requires_grad_() for shift in (0., .3, 0., .3)]


def step(loss: Callable, features: list[Tensor], kernels: int) -> float:
    """Processor seconds of forward and backward at both taps."""
    for value in features:
        value.grad = None
    start = time.process_time()
    total = (loss(*features[:2], kernels) + loss(*features[2:], kernels))
    total.backward()
    return time.process_time() - start


def check_agreement(features: list[Tensor], kernels: int) -> None:
    """Value and gradients of all estimates of the same thing."""
    found = []
    for loss in (ours, plain_autograd, three_matrices):
        for value in features:
            value.grad = None
        value = loss(*features[:2], kernels)
        value.backward()
        found.append((value.item(), features[0].grad.clone()))
    for value, gradient in found[1:]:
        scale = found[0][1].abs().max()
        worst = (gradient - found[0][1]).abs().max() / scale
        print(f'  agree: value within {abs(value - found[0][0]):.1e}, '
              f'gradient within {worst:.1e} of its largest')


def compare(n: int, width: int, kernels: int, rounds: int,
            losses: dict[str, Callable]) -> dict[str, float]:
    """Print the table of one size; the ratios by name."""
    features = batches(n, width)
    check_agreement(features, kernels)
    times: dict[str, list[float]] = {name: [] for name in losses}
    for turn in range(rounds + 2):
        for name, loss in losses.items():
            if loss is expanded and turn != 2:
                # Takes a thousand times as long; once must do.
                continue
            seconds = step(loss, features, kernels)
            if turn >= 2:
                times[name].append(seconds)
    ratios = {}
    for name, values in times.items():
        ratio = ratios[name] = statistics.median(
            a / b for a, b in zip(values, times['bare products'],
                                  strict=False))
        print(f'  {name:<34}{1e3 * statistics.median(values):9.2f} ms '
              f'{ratio:8.2f} x bare')
    return ratios


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--kernels', type=int, default=5)
    parser.add_argument('--width', type=int, default=4096)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--growth', action='store_true',
                        help='batch sizes over two decades, ours alone')
    parser.add_argument('--rows', type=int, nargs='+',
                        default=[64, 128, 256])
    add_json_option(parser)
    args = parser.parse_args()
    torch.set_num_threads(1)
    losses = {'bare products': bare_products, 'chtn_plugin': ours}
    if args.growth:
        for n in (8, 32, 128, 512, 1024):
            print(f'{n} + {n} x {args.width}')
            compare(n, args.width, args.kernels, args.rounds, losses)
        return
    losses |= {'plain autograd (cdist)': plain_autograd,
               'formula of pytorch-adapt': three_matrices,
               'sampled, as released': sampled}
    figures = []
    for n in args.rows:
        print(f'{n} + {n} x {args.width}, {args.kernels} kernels, two taps')
        more = dict(losses)
        if n == 64:
            more['formula of Transfer-Learning-Lib.'] = expanded
        ratios = compare(
            n, args.width, args.kernels,
            args.rounds if n < 256 else max(3, args.rounds // 2), more)
        del ratios['bare products']
        figures += [Figure(f'{name}, {n} + {n}', ratio, 'bare products',
                           **bounds(name, n))
                    for name, ratio in ratios.items()]
    write_figures(args.json, 'losses', figures)


def bounds(name: str, rows: int) -> dict[str, float]:
    """Limit and aim of our own estimate."""
    if name != 'chtn_plugin' or rows not in LIMITS:
        return {}
    return dict(limit=LIMITS[rows], aim=AIM)


if __name__ == '__main__':
    main()
