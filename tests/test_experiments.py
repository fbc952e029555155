"""The experiments of configs/, end to end through the tools, shortened."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chtn_plugin.datasets.wikipedia_files import CLASSES

ROOT = Path(__file__).resolve().parents[1]


def run(tool: str, *arguments: str, cwd: Path) -> str:
    """Run a tool in a folder; its output, or a failure that shows it."""
    done = subprocess.run(
        [sys.executable, str(ROOT / 'tools' / tool), *arguments], cwd=cwd,
        capture_output=True, text=True, timeout=600)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def write_wikipedia(root: Path, train_per_class: int = 4,
                    test_per_class: int = 2) -> None:
    """A tiny tree in the exact original layout."""
    rng = np.random.default_rng(0)
    for folder in ('images', 'texts'):
        (root / folder).mkdir(parents=True)
    for name, count in (('train', train_per_class), ('test', test_per_class)):
        rows = []
        for number, label in enumerate(CLASSES, 1):
            (root / 'images' / label).mkdir(exist_ok=True)
            for k in range(count):
                image_id = f'{name}{number:02d}{k:02d}'.encode().hex()
                text_id = f'{image_id}-{k + 1}'
                pixels = rng.integers(0, 256, (48, 60, 3)) // 4 + 18 * number
                Image.fromarray(pixels.astype(np.uint8)).save(
                    root / 'images' / label / f'{image_id}.jpg')
                (root / 'texts' / f'{text_id}.xml').write_text(
                    f'<document id="{text_id}" name="x" cat="1">\n<text>\n'
                    f'An article of {label} &amp; word{k}, about {label}.\n'
                    '</text>\n</document>')
                rows.append(f'{text_id}\t{image_id}\t{number}\n')
        (root / f'{name}set_txt_img_cat.list').write_text(''.join(rows))
    (root / 'categories.list').write_text('\n'.join(CLASSES) + '\n')


def write_imagenet(root: Path) -> None:
    """Two pictures of each of three classes, and their list."""
    rng = np.random.default_rng(1)
    root.mkdir(parents=True)
    lines = []
    for label in (0, 7, 999):
        for k in range(2):
            file = f'n{label:08d}_{k}.jpg'
            Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(
                root / file)
            lines.append(f'{file} {label}\n')
    (root / 'list.txt').write_text(''.join(lines))


@pytest.mark.slow
def test_wikipedia_experiment_runs_from_the_original_layout(tmp_path):
    write_wikipedia(tmp_path / 'data/wikipedia')
    write_imagenet(tmp_path / 'data/imagenet')
    # As released but for its size: fewer units, pairs and updates.
    short = ['--cfg-options', 'load_from=None', 'train_cfg.max_iters=4',
             'train_cfg.val_interval=2', 'optim_wrapper.accumulative_counts=2',
             'model.image_pathway.widths=(32,32)',
             'model.common_head.widths=(32,32)',
             'train_dataloader.batch_size=4', 'train_dataloader.num_workers=0',
             'val_dataloader.num_workers=0', 'test_dataloader.num_workers=0',
             'default_hooks.checkpoint.interval=2',
             'default_hooks.logger.interval=1']
    config = str(ROOT / 'configs/chtn_wiki.py')
    log = run('train.py', config, '--verbose', *short, cwd=tmp_path)
    for key in ('loss_mmd_fc6', 'loss_mmd_fc7', 'loss_pair_fc6',
                'loss_pair_fc7', 'loss_cls_source', 'loss_cls_image',
                'loss_cls_text', 'accuracy_source', 'accuracy_image',
                'accuracy_text', 'retrieval/mean_mAP'):
        assert key in log
    result = run('test.py', config, 'work_dirs/chtn_wiki', *short,
                 cwd=tmp_path)
    assert 'retrieval/i2t_mAP' in result


@pytest.mark.slow
def test_demo_trains_tests_and_draws(tmp_path):
    config = str(ROOT / 'configs/chtn_demo.py')
    short = ['--cfg-options', 'train_cfg.max_iters=30',
             'train_cfg.val_interval=30', 'train_dataloader.batch_size=16']
    run('train.py', config, *short, cwd=tmp_path)
    result = run('test.py', config, 'work_dirs/chtn_demo', *short,
                 cwd=tmp_path)
    assert 'chance' in result
    assert list((tmp_path / 'work_dirs/chtn_demo').rglob('retrieval_test.png'))


def test_missing_wikipedia_says_what_where_and_how(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / 'tools/train.py'),
         str(ROOT / 'configs/chtn_wiki.py')], cwd=tmp_path,
        capture_output=True, text=True, timeout=600)
    assert done.returncode != 0
    assert 'trainset_txt_img_cat.list' in done.stderr
    assert 'data/wikipedia' in done.stderr
    assert 'prepare_dataset.py wiki' in done.stderr
