"""Source images join the pairs: which, when, and for whom."""
from __future__ import annotations

from itertools import islice

import pytest
import torch
from mmengine.registry import DATASETS
from torch.utils.data import DataLoader, Dataset

from chtn_plugin.datasets import (
    Draw,
    HybridTransferDataset,
    PassSampler,
    cross_modal_collate,
)


class Target(Dataset):
    """Pair k is the number k."""

    def __init__(self, size=6):
        self.size = size
        self.metainfo = dict(classes=('a', 'b'))

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return dict(inputs=dict(image=torch.tensor([float(index)])),
                    data_samples=dict(sample_idx=torch.tensor(int(index))))


class Source(Dataset):
    """Image k is the number k, and one drawn at random for each draw."""

    def __init__(self, size=4):
        self.size = size
        self.metainfo = dict(num_classes=9)

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        from chtn_plugin.datasets.draws import seeded
        with seeded(index):
            noise = torch.rand(1)
        return dict(inputs=dict(source_image=noise),
                    data_samples=dict(source_label=torch.tensor(int(index))))


def hybrid(target=6, source=4, per_pair=1.0):
    return HybridTransferDataset(Target(target), Source(source), per_pair)


def served(dataset, batches, batch_size=2, workers=0, **sampler):
    """(pairs, source labels, source images) of some batches."""
    sampler = PassSampler(dataset, infinite=True,
                          **dict(dict(seed=0), **sampler))
    loader = DataLoader(dataset, batch_size, sampler=sampler,
                        num_workers=workers, collate_fn=cross_modal_collate)
    return [(batch['data_samples']['sample_idx'].tolist(),
             batch['data_samples']['source_label'].tolist(),
             batch['inputs']['source_image'].flatten().tolist())
            for batch in islice(loader, batches)]


def source_stream(batches):
    return [label for _, labels, _ in batches for label in labels]


def test_a_batch_holds_both_domains():
    batch = hybrid().__getitems__([0, 3])
    assert {part: sorted(values) for part, values in batch.items()} == dict(
        inputs=['image', 'source_image'],
        data_samples=['sample_idx', 'source_label'])
    assert batch['data_samples']['sample_idx'].tolist() == [0, 3]


def test_an_item_holds_both_domains():
    item = hybrid()[3]
    assert item['data_samples']['sample_idx'] == 3
    assert 0 <= item['data_samples']['source_label'] < 4


def test_length_is_that_of_the_target():
    assert len(hybrid(target=6, source=4)) == 6


def test_metainfo_is_the_targets_and_the_number_of_source_classes():
    assert hybrid().metainfo == dict(classes=('a', 'b'),
                                     num_source_classes=9)


@pytest.mark.parametrize('source', [4, 6, 11])
@pytest.mark.parametrize('shuffle', [True, False])
def test_every_source_image_comes_before_any_comes_twice(source, shuffle):
    stream = source_stream(served(hybrid(6, source), 3 * source,
                                  shuffle=shuffle))
    for start in range(0, len(stream) - source + 1, source):
        assert sorted(stream[start:start + source]) == list(range(source))


def test_every_source_image_comes_once_with_several_a_pair():
    stream = source_stream(served(hybrid(6, 9, per_pair=3), 3))
    assert sorted(stream) == sorted(2 * list(range(9)))


def test_source_does_not_depend_on_the_order_of_the_pairs():
    ordered, shuffled = (served(hybrid(), 9, shuffle=shuffle)
                         for shuffle in (False, True))
    assert [pairs for pairs, _, _ in ordered] != [
        pairs for pairs, _, _ in shuffled]
    assert source_stream(ordered) == source_stream(shuffled)


def test_source_passes_differ():
    stream = source_stream(served(hybrid(source=20), 20))
    assert stream[:20] != stream[20:]


@pytest.mark.parametrize('workers', [1, 2])
def test_workers_change_nothing(workers):
    # Not even what is drawn at random about a source image.
    assert served(hybrid(), 8, workers=workers) == served(hybrid(), 8)


def test_two_ranks_see_together_what_one_sees(monkeypatch):
    def of_rank(rank, ranks, size):
        monkeypatch.setattr('chtn_plugin.datasets.draws.get_dist_info',
                            lambda: (rank, ranks))
        return served(hybrid(), 9, batch_size=size)
    alone = of_rank(0, 1, 4)
    for one, first, second in zip(alone, of_rank(0, 2, 2), of_rank(1, 2, 2),
                                  strict=True):
        for whole, a, b in zip(one, first, second, strict=True):
            assert whole == [a[0], b[0], a[1], b[1]]


def test_a_seed_repeats():
    assert served(hybrid(), 9, seed=5) == served(hybrid(), 9, seed=5)


def test_seeds_differ():
    assert source_stream(served(hybrid(source=20), 10, seed=5)) != (
        source_stream(served(hybrid(source=20), 10, seed=6)))


@pytest.mark.parametrize('per_pair, size', [(1.0, 4), (0.5, 2), (1.5, 6),
                                            (2.0, 8), (0.01, 1)])
def test_sizes_of_both_batches_may_differ(per_pair, size):
    batch, = served(hybrid(per_pair=per_pair), 1, batch_size=4)
    assert len(batch[0]) == 4 and len(batch[1]) == len(batch[2]) == size


def test_pair_and_source_image_draw_differently():
    # Else both would be cropped and mirrored alike.
    dataset = hybrid(target=1, source=1)
    draw, = dataset._source_draws([Draw(0, 0, 7, 0)])
    assert int(draw) == 0 and draw.seed != 7


def test_plain_indices_draw_any_source_image():
    torch.manual_seed(0)
    labels = hybrid(source=3).__getitems__([0] * 50)['data_samples'][
        'source_label']
    assert set(labels.tolist()) == {0, 1, 2}


@pytest.mark.parametrize('per_pair', [0, -1.0])
def test_no_source_image_at_all_is_refused(per_pair):
    with pytest.raises(ValueError, match='source_per_pair must be positive'):
        hybrid(per_pair=per_pair)


def test_is_built_from_configs(pairs, source):
    pipeline = [dict(type='LoadImageFromFile')]
    dataset = DATASETS.build(dict(
        type='HybridTransferDataset',
        target=dict(type='CrossModalDataset', ann_file='pairs.tsv',
                    data_root=str(pairs), pipeline=pipeline,
                    text=dict(type='BagOfWords')),
        source=dict(type='SourceImageDataset', data_root=str(source),
                    pipeline=pipeline)))
    batch = dataset.__getitems__([0, 1])
    assert batch['inputs']['image'].shape == (2, 3, 4, 4)
    assert batch['inputs']['source_image'].shape == (2, 3, 4, 4)
    assert dataset.metainfo['num_source_classes'] == 2


# Pairs without a class.


class Unlabelled(Target):
    """Pair k is the number k, and a drawn number is its text."""

    def __getitem__(self, index):
        from chtn_plugin.datasets.draws import seeded
        with seeded(index):
            noise = torch.rand(1)
        return dict(inputs=dict(image=torch.tensor([float(index)]),
                                text=noise),
                    data_samples=dict(label=torch.tensor(-1),
                                      image_idx=torch.tensor(int(index))))


def three_streams(unlabelled=5, per_pair=1.0, source=4):
    return HybridTransferDataset(
        Target(), None if source is None else Source(source),
        unlabelled=Unlabelled(unlabelled), unlabelled_per_pair=per_pair)


def unlabelled_stream(dataset, batches, workers=0, **sampler):
    """(number, text) of the pairs without class of some batches."""
    sampler = PassSampler(dataset, infinite=True,
                          **dict(dict(seed=0), **sampler))
    loader = DataLoader(dataset, 2, sampler=sampler, num_workers=workers,
                        collate_fn=cross_modal_collate)
    return [(int(image), float(text))
            for batch in islice(loader, batches)
            for image, text in zip(batch['inputs']['unlabelled_image'],
                                   batch['inputs']['unlabelled_text'],
                                   strict=True)]


def test_a_batch_holds_three_streams_and_no_label_of_the_unlabelled():
    batch = three_streams().__getitems__([0, 3])
    assert {part: sorted(values) for part, values in batch.items()} == dict(
        inputs=['image', 'source_image', 'unlabelled_image',
                'unlabelled_text'],
        data_samples=['sample_idx', 'source_label', 'unlabelled_image_idx'])


def test_pairs_without_class_need_no_source():
    batch = three_streams(source=None).__getitems__([0, 3])
    assert 'source_image' not in batch['inputs']
    assert 'num_source_classes' not in three_streams(source=None).metainfo


def test_an_item_holds_three_streams():
    assert set(three_streams()[1]['inputs']) == {
        'image', 'source_image', 'unlabelled_image', 'unlabelled_text'}


@pytest.mark.parametrize(('per_pair', 'number'), [(.5, 2), (1, 4), (2.5, 10)])
def test_a_batch_holds_so_many_pairs_without_class(per_pair, number):
    batch = three_streams(per_pair=per_pair).__getitems__([0, 1, 2, 3])
    assert len(batch['inputs']['unlabelled_image']) == number


def test_every_pair_without_class_comes_before_any_comes_twice():
    stream = [pair for pair, _ in unlabelled_stream(three_streams(5), 5)]
    assert sorted(stream[:5]) == sorted(stream[5:]) == list(range(5))


def test_streams_have_orders_of_their_own():
    made = HybridTransferDataset(Target(), Source(40),
                                 unlabelled=Unlabelled(40))
    sources = source_stream(served(made, 20))
    pairs = [pair for pair, _ in unlabelled_stream(made, 20)]
    assert sources != pairs


def test_the_source_is_that_of_a_run_without_pairs_without_class():
    assert source_stream(served(three_streams(), 9)) == source_stream(
        served(hybrid(), 9))


def test_pairs_without_class_do_not_depend_on_workers():
    assert unlabelled_stream(three_streams(), 6) == unlabelled_stream(
        three_streams(), 6, workers=2)


def test_ranks_share_the_stream_of_pairs_without_class():
    made = three_streams(7)
    whole = unlabelled_stream(made, 6)
    shares = []
    for rank in range(2):
        sampler = PassSampler(made, infinite=True, seed=0)
        sampler.rank, sampler.world_size = rank, 2
        shares.append([
            (int(batch['inputs']['unlabelled_image']),
             float(batch['inputs']['unlabelled_text']))
            for batch in islice(DataLoader(
                made, 1, sampler=sampler,
                collate_fn=cross_modal_collate), 6)])
    assert [item for pair in zip(*shares, strict=True)
            for item in pair] == whole


def test_a_resumed_run_goes_on_in_the_stream_of_pairs_without_class():
    made = three_streams(7)
    sampler = PassSampler(made, infinite=True, seed=0)
    sampler.start_after(6)
    later = [int(batch['inputs']['unlabelled_image'][row])
             for batch in islice(DataLoader(
                 made, 2, sampler=sampler, collate_fn=cross_modal_collate), 3)
             for row in range(2)]
    assert later == [pair for pair, _ in unlabelled_stream(made, 6)][6:]


def test_no_pairs_without_class_leave_the_batch_as_it_was():
    batch = three_streams(unlabelled=0).__getitems__([0])
    assert sorted(batch['inputs']) == ['image', 'source_image']


def test_refuses_pairs_of_other_classes():
    other = Unlabelled()
    other.metainfo = dict(classes=('a', 'c'))
    with pytest.raises(ValueError, match=r"\['a', 'b'\], they have "
                                         r"\['a', 'c'\]"):
        HybridTransferDataset(Target(), unlabelled=other)


def test_refuses_pairs_of_another_text_transform():
    other = Unlabelled()
    other.metainfo = dict(other.metainfo, text=dict(vocabulary='x'))
    with pytest.raises(ValueError, match='text transform of the target'):
        HybridTransferDataset(Target(), unlabelled=other)


def test_refuses_a_target_that_nothing_joins():
    with pytest.raises(ValueError, match='either a source or unlabelled'):
        HybridTransferDataset(Target())


def test_refuses_a_ratio_of_zero_pairs():
    with pytest.raises(ValueError, match='unlabelled_per_pair must be pos'):
        three_streams(per_pair=0)
