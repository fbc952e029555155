"""Exact MAP over the whole ranking, beside its peers.

    python benchmarks/evaluation.py [--queries 10000] [--peer-queries 1000]

Needs numba; peers that are not installed (pip install --no-deps torchmetrics
lightning-utilities pytorch-metric-learning) are left out. Times are processor
seconds of one thread, so that other work on the machine counts little.
"""
from __future__ import annotations

import argparse
import time

from chtn_plugin.evaluation import Embeddings, score_embeddings

import numpy as np
import torch

# Most time over the similarity product alone, by (D, C).
PRODUCT_LIMITS = {(64, 10): 5., (64, 200): 2.6, (512, 10): 1.8,
                  (512, 200): 1.35}
FALLBACK_LIMIT = 3.
GALLERY = 10_000


def make(queries, gallery, size, classes, seed=0):
    """Clustered embeddings: query rows, labels, gallery rows, labels."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, size))
    out = []
    for items in (queries, gallery):
        labels = rng.integers(0, classes, items)
        rows = rng.normal(size=(items, size)) + .5 * centres[labels]
        out += [rows.astype(np.float32), labels]
    return out


def seconds(function, repeat=3):
    """Median processor seconds, and what the last call returned."""
    times, value = [], None
    for _ in range(repeat):
        start = time.process_time()
        value = function()
        times.append(time.process_time() - start)
    return sorted(times)[repeat // 2], value


def product(query, gallery):
    """The similarity product alone, in chunks."""
    a, b = (torch.nn.functional.normalize(torch.from_numpy(x))
            for x in (query, gallery))
    out = torch.empty(128, len(b))

    def run():
        for start in range(0, len(a), 128):
            rows = a[start:start + 128]
            torch.mm(rows, b.T, out=out[:len(rows)])
    return run


def ours(data, compiled):
    query, query_label, gallery, gallery_label = data
    embeddings = Embeddings(query, gallery, query_label, gallery_label)
    return lambda: score_embeddings(
        embeddings, ['chtn-map-all'], ['i2t'], threads=1, float64=False,
        compiled=compiled)[0].value


def dscmr_style(data):
    """Distance matrix, argsort, loop: re-implemented from the formula."""
    from scipy.spatial.distance import cdist
    query, query_label, gallery, gallery_label = data

    def run():
        order = cdist(query, gallery, 'cosine').argsort()
        total = []
        for row, label in zip(order, query_label, strict=True):
            found, score = 0., 0.
            for rank, item in enumerate(row):
                if gallery_label[item] == label:
                    found += 1
                    score += found / (rank + 1)
            total.append(score / found if found else 0.)
        return float(np.mean(total))
    return run


def scores_and_relevance(data):
    query, query_label, gallery, gallery_label = data
    a, b = (torch.nn.functional.normalize(torch.from_numpy(x))
            for x in (query, gallery))
    relevant = torch.from_numpy(query_label[:, None] == gallery_label)
    return a @ b.T, relevant


def scikit_learn(data):
    from sklearn.metrics import average_precision_score

    def run():
        scores, relevant = (x.numpy() for x in scores_and_relevance(data))
        return float(np.mean([average_precision_score(r, s) for s, r in
                              zip(scores, relevant, strict=True)]))
    return run


def torchmetrics_module(data):
    from torchmetrics.retrieval import RetrievalMAP

    def run():
        scores, relevant = scores_and_relevance(data)
        index = torch.arange(len(scores))[:, None].expand_as(scores)
        metric = RetrievalMAP()
        # It takes a relevant item of score 0 or less for irrelevant.
        metric.update(scores.flatten() + 2, relevant.flatten(),
                      indexes=index.flatten())
        return float(metric.compute())
    return run


def torchmetrics_functional(data):
    from torchmetrics.functional.retrieval import retrieval_average_precision

    def run():
        scores, relevant = scores_and_relevance(data)
        return float(torch.stack([
            retrieval_average_precision(s + 2, r)
            for s, r in zip(scores, relevant, strict=True)]).mean())
    return run


def mmpretrain(data):
    if not hasattr(np, 'in1d'):
        np.in1d = np.isin  # left numpy 2.4, mmpretrain 1.2.0 calls it
    from mmpretrain.evaluation import RetrievalAveragePrecision

    def run():
        scores, relevant = scores_and_relevance(data)
        return float(np.mean([RetrievalAveragePrecision.calculate(
            s[None], r[None].long(), topk=len(s)) for s, r in
            zip(scores, relevant, strict=True)])) / 100
    return run


def pytorch_metric_learning(data):
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import (
        AccuracyCalculator,
    )
    from pytorch_metric_learning.utils.inference import CustomKNN
    query, query_label, gallery, gallery_label = (torch.from_numpy(x)
                                                  for x in data)
    calculator = AccuracyCalculator(
        include=('mean_average_precision',), k=len(gallery),
        knn_func=CustomKNN(CosineSimilarity()), device=torch.device('cpu'))
    return lambda: calculator.get_accuracy(
        query, query_label, gallery, gallery_label)['mean_average_precision']


PEERS = [('DSCMR-style (re-implemented)', dscmr_style, 25),
         ('scikit-learn, per query', scikit_learn, None),
         ('torchmetrics RetrievalMAP', torchmetrics_module, 10),
         ('torchmetrics functional', torchmetrics_functional, 10),
         ('mmpretrain RetrievalAveragePrecision', mmpretrain, 10),
         ('pytorch-metric-learning', pytorch_metric_learning, 10)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--queries', type=int, default=10_000)
    parser.add_argument('--peer-queries', type=int, default=1_000)
    parser.add_argument('--only', default='', metavar='PART',
                        help='only peers whose name holds this, nothing else')
    args = parser.parse_args()
    torch.set_num_threads(1)
    ours(make(2000, GALLERY, 8, 4), True)()  # compile

    if not args.only:
        beside_the_product(args.queries)
    beside_peers(args.peer_queries, args.only)


def beside_the_product(queries: int) -> None:
    print(f'{queries} queries, gallery {GALLERY}: time over the '
          'similarity product alone')
    print(f'{"D":>4} {"C":>4} {"product s":>10} {"ours":>6} {"limit":>6} '
          f'{"numpy/ours":>11} {"limit":>6}  same digits')
    for (size, classes), limit in PRODUCT_LIMITS.items():
        data = make(queries, GALLERY, size, classes)
        bare, _ = seconds(product(data[0], data[2]))
        fast, value = seconds(ours(data, True))
        slow, plain = seconds(ours(data, False), 1)
        print(f'{size:4} {classes:4} {bare:10.3f} {fast / bare:6.2f} '
              f'{limit:6.2f} {slow / fast:11.2f} {FALLBACK_LIMIT:6.2f}  '
              f'{value == plain}')


def beside_peers(queries: int, only: str) -> None:
    data = make(queries, GALLERY, 64, 10)
    fast, value = seconds(ours(data, True), 5)
    print(f'\n{queries} queries, gallery {GALLERY}, D 64, C 10: '
          f'ours {fast:.3f} s, MAP {value:.6f}')
    print(f'{"peer":38} {"s":>8} {"x ours":>7} {"at least":>8}  '
          'difference of MAP')
    for name, peer, limit in PEERS:
        if only not in name:
            continue
        try:
            run = peer(data)
        except ImportError as error:
            print(f'{name:38} not installed ({error})')
            continue
        spent, theirs = seconds(run, 1)
        print(f'{name:38} {spent:8.2f} {spent / fast:7.1f} {limit or "":>8}'
              f'  {abs(theirs - value):.1e}')


if __name__ == '__main__':
    main()
