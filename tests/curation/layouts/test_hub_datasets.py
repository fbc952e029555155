"""Data sets of the Hugging Face hub; no test asks the network."""
from __future__ import annotations

from fnmatch import fnmatch

import huggingface_hub
import pytest
from huggingface_hub import constants
from tiny_layouts import SIZE, caption, class_of, train_once, write_pictures
from tiny_run import run_tool

from chtn_plugin.curation.layouts import hub_datasets
from chtn_plugin.curation.layouts.hub_datasets import fetch_dataset


@pytest.fixture
def online(monkeypatch):
    """A hub whose one data set is an ImageFolder."""
    asked = []

    def snapshot(name, *, repo_type, local_dir, allow_patterns):
        asked.append((name, repo_type, allow_patterns))
        names = write_pictures(local_dir)
        (local_dir / 'metadata.csv').write_text(
            'file_name,text,label\n' + ''.join(
                f'{name},{caption(k)},{class_of(k)}\n'
                for k, name in enumerate(names)))

    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', False)
    monkeypatch.setattr(huggingface_hub.HfApi, 'dataset_info',
                        lambda self, name, timeout: None)
    monkeypatch.setattr(huggingface_hub, 'snapshot_download', snapshot)
    return asked


def test_data_set_is_fetched_and_trains(online, tmp_path):
    folder = fetch_dataset('hub:some/pairs', tmp_path)
    assert folder == tmp_path / 'some--pairs'
    assert online[0][:2] == ('some/pairs', 'dataset')
    found = train_once(folder, tmp_path / 'work')
    assert sum(map(len, found.values())) == SIZE


@pytest.mark.parametrize('name', ['x.py', 'data/script.py', 'a.pkl',
                                  'a.bin', 'README.md'])
def test_no_script_and_no_pickle_is_fetched(name):
    assert not any(fnmatch(name, pattern) for pattern in hub_datasets.PATTERNS)


@pytest.mark.parametrize('name', ['pairs', 'a/b/c', '../x/y', 'a b/c', ''])
def test_other_names_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match='must be named owner/name'):
        fetch_dataset(name, tmp_path)


def test_hub_that_does_not_answer_is_said_with_the_way_out(
        online, monkeypatch, tmp_path):
    def fails(self, name, timeout):
        assert timeout <= 3
        raise ConnectionError('no route to host\nmore')
    monkeypatch.setattr(huggingface_hub.HfApi, 'dataset_info', fails)
    with pytest.raises(FileNotFoundError, match=r"'some/pairs' from here "
                       r'\(no route to host\)\. .*hf download --repo-type'):
        fetch_dataset('some/pairs', tmp_path)
    assert not list(tmp_path.iterdir())


def test_tool_says_so_at_once(tmp_path):
    status, _, err = run_tool('make_manifest', 'hub:some/pairs',
                              '--no-config')
    assert status == 1 and 'HF_HUB_OFFLINE is set' in err
