from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from chtn_plugin.engine.hooks import RetrievalVisualizationHook


class _Dataset:
    metainfo = dict(classes=('one', 'two', 'three'))

    def __init__(self, folder, texts):
        self.folder, self.texts = folder, texts

    def get_data_info(self, index):
        return dict(img_path=str(self.folder / f'{index}.png'),
                    text=self.texts[index], sample_idx=index)


class _Visualizer:

    def __init__(self):
        self.images = []

    def add_image(self, name, image, step=0):
        self.images.append((name, image, step))


def _items(labels):
    """Pairs whose image and text stand at the same place."""
    return [dict(sample_idx=i, image_idx=i, text_idx=i,
                 label=torch.tensor(label),
                 image_repr=torch.eye(len(labels))[i],
                 text_repr=torch.eye(len(labels))[i])
            for i, label in enumerate(labels)]


@pytest.fixture
def runner(tmp_path):
    texts = ['plain', '<b>汉字</b>', 'x' * 100_000, '']
    for i in range(4):
        Image.new('L', (32, 32), 60 * i).save(tmp_path / f'{i}.png')
    dataset = _Dataset(tmp_path, texts)
    loader = SimpleNamespace(dataset=dataset)
    return SimpleNamespace(
        visualizer=_Visualizer(), iter=7, work_dir=str(tmp_path / 'work'),
        val_dataloader=loader, test_dataloader=loader)


def _validate(hook, runner, items):
    hook.before_val_epoch(runner)
    hook.after_val_iter(runner, 0, None, items[:2])
    hook.after_val_iter(runner, 1, None, items[2:])
    hook.after_val_epoch(runner, {'retrieval/mean_mAP': 0.5})


def test_picture_goes_to_back_ends_and_to_work_dir(runner, tmp_path):
    _validate(RetrievalVisualizationHook(), runner, _items([0, 1, 0, 1]))
    (name, image, step), = runner.visualizer.images
    assert (name, step, image.dtype, image.shape[2]) == (
        'retrieval_val', 7, np.uint8, 3)
    saved = Image.open(tmp_path / 'work' / 'retrieval_val.png')
    assert np.array_equal(np.asarray(saved), image)


def test_a_test_asks_for_no_iteration(runner):
    # A FlexibleRunner builds its training loop to answer, on rank 0 alone.
    del runner.iter
    hook = RetrievalVisualizationHook()
    hook.before_test_epoch(runner)
    hook.after_test_iter(runner, 0, None, _items([0, 1, 0, 1]))
    hook.after_test_epoch(runner, {})
    assert [step for _, _, step in runner.visualizer.images] == [0]


def test_local_back_end_keeps_a_file(runner, tmp_path):
    # a slash in the name would be a folder that it does not make
    from mmengine.visualization import Visualizer
    runner.visualizer = Visualizer(
        vis_backends=[dict(type='LocalVisBackend')],
        save_dir=str(tmp_path / 'vis'))
    _validate(RetrievalVisualizationHook(), runner, _items([0, 1, 0, 1]))
    assert list((tmp_path / 'vis').rglob('retrieval_val_7.png'))


def test_sections_hold_the_ranking(runner):
    hook = RetrievalVisualizationHook(queries=[1], topk=3)
    hook.after_val_iter(runner, 0, None, _items([0, 1, 0, 1]))
    sections = hook._sections(runner.val_dataloader.dataset)
    (_, (to_text, )), (_, (to_image, )) = sections
    # item 1 first (cosine 1), then ties in order: 0 and 2
    assert [cell.text for cell in to_text.results][:2] == [
        '<b>汉字</b>', 'plain']
    assert [cell.right for cell in to_text.results] == [True, False, False]
    assert [cell.score for cell in to_text.results] == [1, 0, 0]
    assert to_image.query.image is None
    assert to_image.results[0].image.endswith('1.png')


def test_queries_are_of_different_classes(runner):
    hook = RetrievalVisualizationHook(num_queries=2)
    hook.after_val_iter(runner, 0, None, _items([0, 0, 0, 1]))
    assert hook._chosen('image') == [1, 3]


def test_items_that_share_a_picture_count_once(runner):
    items = _items([0, 1, 0, 1])
    items[1]['image_idx'] = 0
    items[2].update(image_idx=-1, image_repr=None)
    hook = RetrievalVisualizationHook(topk=9)
    hook.after_val_iter(runner, 0, None, items)
    _, (_, rows) = hook._sections(runner.val_dataloader.dataset)
    assert len(rows[0].results) == 2


def test_several_labels_are_relevant_where_they_meet(runner):
    items = _items([0, 1, 0, 1])
    for item, label in zip(items, ([1, 1, 0], [0, 1, 0], [0, 0, 1],
                                   [1, 0, 0]), strict=True):
        item['label'] = torch.tensor(label, dtype=torch.float)
    hook = RetrievalVisualizationHook(queries=[0], topk=4)
    hook.after_val_iter(runner, 0, None, items)
    (_, (row, )), _ = hook._sections(
        _Dataset(runner.val_dataloader.dataset.folder, list('abcd')))
    assert [cell.right for cell in row.results] == [True, True, False, True]


def test_ready_features_are_skipped_with_one_line(runner, monkeypatch):
    said = []
    monkeypatch.setattr('chtn_plugin.engine.hooks.pictures.'
                        'retrieval_visualization.print_log',
                        lambda text, logger: said.append(text))
    runner.val_dataloader = SimpleNamespace(dataset=[1, 2, 3, 4])
    hook = RetrievalVisualizationHook()
    for _ in range(2):
        _validate(hook, runner, _items([0, 1, 0, 1]))
    assert len(said) == 1
    assert 'no image paths' in said[0]
    assert not runner.visualizer.images


def test_interval_counts_validations(runner):
    hook = RetrievalVisualizationHook(interval=2)
    for _ in range(3):
        _validate(hook, runner, _items([0, 1, 0, 1]))
    assert len(runner.visualizer.images) == 2


def test_other_ranks_draw_nothing(runner, monkeypatch):
    monkeypatch.setattr('chtn_plugin.engine.hooks.pictures.'
                        'retrieval_visualization.is_main_process',
                        lambda: False)
    _validate(RetrievalVisualizationHook(), runner, _items([0, 1, 0, 1]))
    assert not runner.visualizer.images


@pytest.mark.parametrize('option', ['num_queries', 'topk', 'interval'])
def test_refuses_numbers_below_one(option):
    with pytest.raises(ValueError, match=option):
        RetrievalVisualizationHook(**{option: 0})


def test_a_full_disk_costs_a_picture_and_no_run(runner, monkeypatch):
    from chtn_plugin.engine.hooks.pictures import (
        retrieval_visualization,
    )

    def full(*args, **kwargs):
        raise OSError(28, 'No space left on device')
    said = []
    monkeypatch.setattr(retrieval_visualization, 'atomic_write', full)
    monkeypatch.setattr(retrieval_visualization, 'print_log',
                        lambda text, **kwargs: said.append(text))
    _validate(RetrievalVisualizationHook(), runner, _items([0, 1, 0, 1]))
    assert len(said) == 1
    assert 'has drawn nothing: [Errno 28] No space left' in said[0]
