"""Features in shards: each made anywhere, joined to what one would make."""
from __future__ import annotations

import io
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_data import write_picture
from tiny_run import run_tool
from tiny_towers import write_hf_folders

from chtn_plugin.apis import encoder_features
from chtn_plugin.apis.encoder_features import (
    Extraction,
    extract_features,
    extract_shard,
)
from chtn_plugin.apis.feature_shards import (
    Shard,
    merge_shards,
    shard_folder,
)
from chtn_plugin.datasets import FeaturePairDataset
from chtn_plugin.storage.row_store import FeatureStore

PAIRS = 11


@pytest.fixture(scope='module')
def towers(tmp_path_factory):
    root = tmp_path_factory.mktemp('towers')
    write_hf_folders(root)
    (root / 'vit' / 'preprocessor_config.json').write_text(
        '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.2, 0.2, 0.2], '
        '"size": {"height": 32, "width": 32}}')
    return root


@pytest.fixture
def manifest(tmp_path):
    """Eleven whole pairs of two splits and three classes, and a half one."""
    rows = ['id\tsplit\tclass\timage\ttext', 'lone\ttrain\ta\t\ta bird']
    for k in range(PAIRS):
        write_picture(tmp_path / 'data' / f'{k}.png', 20 * k, 40)
        text = f'a cat sits ||| dog {k}' if k % 4 == 0 else f'dogs run {k}'
        name = '' if k == 5 else 'abc'[k // 2 % 3]
        rows.append(f'pair{k}\t{"test" if k % 3 == 2 else "train"}\t{name}\t'
                    f'{k}.png\t{text}')
    path = tmp_path / 'data' / 'pairs.tsv'
    path.write_text('\n'.join(rows) + '\n')
    return path


def options(towers, tmp_path, **given):
    return Extraction(**dict(dict(
        images=str(towers / 'vit'), texts='words',
        cache=str(tmp_path / 'cache'), batch_size=1), **given))


def same(one, other):
    with np.load(one) as first, np.load(other) as second:
        assert set(first) == set(second)
        for name in first:
            assert first[name].dtype == second[name].dtype, name
            np.testing.assert_array_equal(first[name], second[name], name)


# Which part of the data a process has.


def test_shards_share_the_rows_without_gap_or_overlap():
    parts = [Shard(number, 4).rows(11) for number in range(1, 5)]
    assert parts == [(0, 2), (2, 5), (5, 8), (8, 11)]
    assert [Shard(k, 3).rows(2) for k in (1, 2, 3)] == [
        (0, 0), (0, 1), (1, 2)]


def test_names_sort_as_the_shards_do():
    assert Shard(3, 64).file_name == '03-of-64.npz'
    assert shard_folder('a/f.npz') == Path('a/f.shards')


@pytest.mark.parametrize('text', ['0/4', '5/4', '4', 'x/4', '1/0', '-1/4'])
def test_shard_must_be_one_of_its_count(text):
    with pytest.raises(ValueError, match='a shard must be'):
        Shard.parse(text)


@pytest.mark.parametrize('known, shard', [
    (dict(RANK='2', WORLD_SIZE='8'), Shard(3, 8)),
    (dict(SLURM_PROCID='0', SLURM_NTASKS='4'), Shard(1, 4)),
    (dict(SLURM_ARRAY_TASK_ID='7', SLURM_ARRAY_TASK_COUNT='4',
          SLURM_ARRAY_TASK_MIN='5', SLURM_PROCID='0', SLURM_NTASKS='1'),
     Shard(3, 4))])
def test_launcher_says_which_shard_it_is(known, shard):
    assert Shard.parse('auto', known) == shard


def test_without_launcher_auto_is_refused():
    with pytest.raises(ValueError, match='none is set'):
        Shard.parse('auto', {})


# What they make.


@pytest.mark.parametrize('given', [
    {}, dict(text_mode='each'), dict(label_separator=';'),
    dict(label_separator=';', lists=True)])
def test_joined_shards_are_what_one_process_makes(towers, manifest, tmp_path,
                                                  given, monkeypatch):
    given = dict(given)
    if given.pop('lists', False):
        monkeypatch.setattr(encoder_features, 'MAX_LABEL_MATRIX', 0)
        monkeypatch.setattr(encoder_features, '_LIST_BYTES', 0)
    if 'label_separator' in given:
        manifest.write_text(manifest.read_text().replace('\ta\t', '\ta;b\t'))
    chosen = options(towers, tmp_path, **given)
    whole, out = tmp_path / 'whole.npz', tmp_path / 'out.npz'
    facts = extract_features(manifest, whole, chosen)
    for number in (3, 1, 2):
        extract_shard(manifest, out, Shard(number, 3), chosen)
    assert merge_shards(tmp_path / 'out.shards', out)['rows'] == facts['rows']
    same(whole, out)
    assert sum(len(FeaturePairDataset(str(out), split=split))
               for split in ('train', 'val')) == facts['rows']['train']


def test_shard_that_is_there_is_left(towers, manifest, tmp_path, monkeypatch):
    chosen = options(towers, tmp_path)
    first = extract_shard(manifest, tmp_path / 'o.npz', Shard(1, 2), chosen)
    assert first['made'] and sum(first['rows'].values()) == 5
    monkeypatch.setattr('chtn_plugin.apis.encoder_features._encoded', None)
    assert not extract_shard(manifest, tmp_path / 'o.npz', Shard(1, 2),
                             chosen)['made']


def test_shard_of_other_data_is_not_replaced(towers, manifest, tmp_path):
    chosen = options(towers, tmp_path)
    extract_shard(manifest, tmp_path / 'o.npz', Shard(1, 2), chosen)
    manifest.write_text(manifest.read_text().replace('dogs', 'cats'))
    with pytest.raises(ValueError, match=r'1-of-2\.npz is there, and not of '
                       'these data'):
        extract_shard(manifest, tmp_path / 'o.npz', Shard(1, 2), chosen)


def test_missing_shards_are_named(towers, manifest, tmp_path):
    with pytest.raises(FileNotFoundError, match='holds no shards'):
        merge_shards(tmp_path, tmp_path / 'o.npz')
    extract_shard(manifest, tmp_path / 'o.npz', Shard(2, 3),
                  options(towers, tmp_path))
    with pytest.raises(FileNotFoundError, match='2 of 3 shards are missing '
                       r'in .*o\.shards: 1/3, 3/3'):
        merge_shards(tmp_path / 'o.shards', tmp_path / 'o.npz')
    assert not (tmp_path / 'o.npz').exists()


def test_shards_of_two_extractions_are_not_joined(towers, manifest,
                                                  tmp_path):
    for number, mode in ((1, 'join'), (2, 'each')):
        extract_shard(manifest, tmp_path / 'o.npz', Shard(number, 2),
                      options(towers, tmp_path, text_mode=mode))
    with pytest.raises(ValueError, match='of one extraction: .*2-of-2'):
        merge_shards(tmp_path / 'o.shards', tmp_path / 'o.npz')


def test_damaged_shard_is_named(towers, manifest, tmp_path):
    extract_shard(manifest, tmp_path / 'o.npz', Shard(1, 1),
                  options(towers, tmp_path))
    path = tmp_path / 'o.shards' / '1-of-1.npz'
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r'1-of-1\.npz is damaged'):
        merge_shards(tmp_path / 'o.shards', tmp_path / 'o.npz')


def test_folder_without_manifest_has_no_shards(towers, manifest, tmp_path):
    with pytest.raises(ValueError, match='make_manifest'):
        extract_shard(manifest.parent, tmp_path / 'o.npz', Shard(1, 2),
                      options(towers, tmp_path))


def test_long_texts_are_left_out_of_the_joined_file(towers, manifest,
                                                    tmp_path, monkeypatch):
    from chtn_plugin.apis import feature_shards
    monkeypatch.setattr(feature_shards, 'MAX_CONTENT_BYTES', 10)
    extract_shard(manifest, tmp_path / 'o.npz', Shard(1, 1),
                  options(towers, tmp_path))
    facts = merge_shards(tmp_path / 'o.shards', tmp_path / 'o.npz')
    assert facts['left_out'] == ['content_train', 'content_test']
    with np.load(tmp_path / 'o.npz') as arrays:
        assert 'content_train' not in arrays and 'id_train' in arrays


# Killed, and several at once.


def _make(*args):
    extract_shard(*args)
    os._exit(0)


def test_kill_loses_nothing(towers, manifest, tmp_path, monkeypatch):
    # Slowly, so that a kill meets each stage: rows going to the cache, and
    # the shard half-written.
    add, savez = FeatureStore.add, np.savez

    def slow_add(self, names, rows):
        add(self, names, rows)
        time.sleep(.03)

    def slow_savez(file, **arrays):
        whole = io.BytesIO()
        savez(whole, **arrays)
        for half in (whole.getvalue()[:1000], whole.getvalue()[1000:]):
            file.write(half)
            file.flush()
            time.sleep(.1)

    monkeypatch.setattr(FeatureStore, 'add', slow_add)
    monkeypatch.setattr(np, 'savez', slow_savez)
    chosen = options(towers, tmp_path)
    out = tmp_path / 'out.npz'
    context = multiprocessing.get_context('fork')
    wait = random.Random(0)
    kills = 0
    for number in (1, 2):
        for attempt in range(6):
            process = context.Process(target=_make, args=(
                manifest, out, Shard(number, 2), chosen))
            process.start()
            process.join(wait.uniform(.02, .3) if attempt < 5 else None)
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
                process.join()
                kills += 1
    assert kills > 2
    merge_shards(tmp_path / 'out.shards', out)
    monkeypatch.undo()
    extract_features(manifest, tmp_path / 'whole.npz',
                     options(towers, tmp_path, cache=str(tmp_path / 'b')))
    same(tmp_path / 'whole.npz', out)
    assert sorted(os.listdir(tmp_path / 'out.shards')) == [
        '1-of-2.npz', '2-of-2.npz']


@pytest.mark.slow
def test_two_processes_of_a_launcher_make_two_shards_at_once(
        towers, manifest, tmp_path):
    root = Path(__file__).parents[2]
    out = tmp_path / 'out.npz'
    command = [sys.executable, str(root / 'tools/extract_features.py'),
               str(manifest), '--images', str(towers / 'vit'), '--texts',
               'words', '--cache', str(tmp_path / 'cache'), '--out', str(out),
               '--shard', 'auto']
    running = [subprocess.Popen(command, env=dict(
        os.environ, RANK=str(rank), WORLD_SIZE='2', OMP_NUM_THREADS='1'))
        for rank in range(2)]
    deadline = time.time() + 300
    assert [process.wait(deadline - time.time()) for process in running] == [
        0, 0]
    status, said, err = run_tool('extract_features', tmp_path / 'out.shards',
                                 '--merge', '--out', out)
    assert status == 0, err
    assert '8 train pairs, 3 test pairs' in said
    extract_features(manifest, tmp_path / 'whole.npz',
                     options(towers, tmp_path))
    same(tmp_path / 'whole.npz', out)
