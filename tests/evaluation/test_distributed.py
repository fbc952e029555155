"""The same digits on any number of ranks."""
import itertools
import json
import multiprocessing
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from chtn_plugin.evaluation import RetrievalMetric

SIZE = 303  # three tiles of texts; neither 2 nor 4 divides it
OPTIONS = dict(ks=[1, 10], per_class=True)


def item(i):
    rng = np.random.default_rng(i // 2)
    label, image = i // 2 % 4, rng.normal(size=6).round(1)
    text = np.random.default_rng(10_000 + i).normal(size=6).round(1)
    return dict(sample_idx=i, image_idx=i // 2, text_idx=i, label=label,
                image_repr=torch.tensor(image), text_repr=torch.tensor(text))


def share(rank, world, order, padded):
    """Ids of a rank, as the usual samplers deal them out."""
    ids = list(range(SIZE))
    if padded:
        ids += ids[:-SIZE % world]
    if order == 'strided':
        return ids[rank::world]
    each = -(-len(ids) // world)
    return ids[rank * each:(rank + 1) * each]


def evaluate(ids, **options):
    metric = RetrievalMetric(**{**OPTIONS, **options})
    for start in range(0, len(ids), 32):
        metric.process(None, [item(i) for i in ids[start:start + 32]])
    return metric.evaluate(SIZE)


def work(rank, world, folder):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{folder}/meet', rank=rank,
                            world_size=world)
    results = {}
    for order, padded in itertools.product(('strided', 'contiguous'),
                                           (True, False)):
        name = f'{order}, padded {padded}'
        results[name] = evaluate(share(rank, world, order, padded))
    results['pr'] = evaluate(share(rank, world, 'strided', True),
                             protocol='pr-11')
    lost = [i for i in share(rank, world, 'strided', True)
            if i not in (5, 6)]
    for name, ids in (('lost', lost), ('doubled', list(range(SIZE)) * 2)):
        try:
            evaluate(ids)
        except ValueError as error:
            results[name] = str(error)
    Path(folder, f'{rank}.json').write_text(json.dumps(results))
    dist.destroy_process_group()


# Import once, not in every rank.
multiprocessing.set_forkserver_preload(['chtn_plugin.evaluation'])


@pytest.fixture(scope='module')
def single():
    return evaluate(range(SIZE)), evaluate(range(SIZE), protocol='pr-11')


@pytest.mark.parametrize('world', [1, 2, 4])
def test_ranks_and_samplers_change_no_digit(world, single):
    with tempfile.TemporaryDirectory() as folder:
        mp.start_processes(work, (world, folder), nprocs=world,
                           start_method='forkserver')
        ranks = [json.loads(Path(folder, f'{rank}.json').read_text())
                 for rank in range(world)]
    for results in ranks:
        assert 'missing sample_idx 5, 6' in results.pop('lost')
        assert 'doubled sample_idx 0, 1, 2' in results.pop('doubled')
        assert results.pop('pr') == single[1]
        for name, got in results.items():
            assert got == single[0], name


def test_every_rank_takes_a_share_of_the_queries(monkeypatch):
    from chtn_plugin.evaluation import scoring
    from chtn_plugin.evaluation.embeddings import Embeddings
    seen = []
    plain = scoring.rank_tiles

    def watched(similarity, relevance, measure, ties, tiles, *rest):
        seen.append(list(tiles))
        return plain(similarity, relevance, measure, ties, tiles, *rest)

    monkeypatch.setattr(scoring, 'rank_tiles', watched)
    monkeypatch.setattr(scoring, 'get_dist_info', lambda: (1, 3))
    monkeypatch.setattr(scoring, 'all_gather_on_host', lambda data: [])
    rows = np.random.default_rng(0).normal(size=(1000, 4))
    scoring.score_embeddings(
        Embeddings(rows, rows, np.arange(1000) % 3, np.arange(1000) % 3),
        ['chtn-map-all'], ['i2t'], distributed=True)
    assert seen == [[1, 4, 7]]  # of eight tiles
