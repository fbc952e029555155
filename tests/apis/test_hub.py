"""A round trip over the hub's API, by a small hub on loopback."""
from __future__ import annotations

import pytest
from fake_hub import fake_hub
from tiny_run import run_tool

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.apis.hub import fetch_run, push_run


@pytest.fixture
def hub(monkeypatch, tmp_path):
    from huggingface_hub import constants
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', False)
    monkeypatch.setenv('HF_TOKEN', 'hf_test')
    with fake_hub() as served:
        monkeypatch.setenv('HF_ENDPOINT', served.address)
        yield served


@pytest.fixture
def pushed(hub, tiny, tmp_path):
    status, said, err = run_tool(
        'publish_model', tiny / 'run', '--out', tmp_path / 'out', '--name',
        'tiny', '--data', 'twelve squares', '--licence', 'CC0-1.0', '--hub',
        'someone/tiny', '--private')
    assert status == 0, err
    assert 'pushed: hf://someone/tiny' in said
    return hub


def test_nothing_pickled_is_pushed(pushed):
    assert set(pushed.files['someone/tiny']) == {
        'model.safetensors', 'config.json', 'README.md', 'metafile.yml',
        'model-index.yml'}
    assert pushed.private == {'someone/tiny': True}
    card = pushed.files['someone/tiny']['README.md'].decode()
    assert card == pushed.validated
    assert "RetrievalInferencer('hf://someone/tiny')" in card


def test_what_was_pushed_answers_as_the_run_does(pushed, tiny):
    fetched = RetrievalInferencer('hf://someone/tiny', show_progress=False)
    run = RetrievalInferencer(tiny / 'run', show_progress=False)
    assert fetched.run.fingerprint == run.run.fingerprint
    assert fetched.classes == run.classes
    picture = tiny / 'data/images/5.png'
    assert (fetched.encode_texts('cat') == run.encode_texts('cat')).all()
    assert (fetched.encode_images(picture) == run.encode_images(picture)
            ).all()


def test_search_takes_a_run_of_the_hub(pushed, tiny):
    status, said, err = run_tool(
        'search', 'hf://someone/tiny@main', '--gallery',
        tiny / 'data/images', '--text', 'cat', '--topk', '1')
    assert status == 0, err
    assert '.png' in said


def test_what_the_hub_has_not_is_a_line(hub, tiny):
    status, _, err = run_tool('search', 'hf://someone/gone', '--gallery',
                              tiny / 'data/images', '--text', 'cat')
    assert status == 1
    assert 'error: hf://someone/gone cannot be had from the hub: ' in err
    assert 'Traceback' not in err


def test_a_refused_push_is_a_line_and_leaves_the_files(hub, tiny, tmp_path):
    hub.refuses = 403
    status, _, err = run_tool(
        'publish_model', tiny / 'run', '--out', tmp_path / 'out', '--name',
        'tiny', '--data', 'd', '--licence', 'l', '--hub', 'someone/tiny')
    assert status == 1
    assert 'error: someone/tiny cannot be pushed to the hub: ' in err
    assert (tmp_path / 'out/tiny/model.safetensors').is_file()


@pytest.mark.parametrize('name', ['hf://only', 'hf://a/b/c', 'hf://', 'a b'])
def test_other_names_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match='USER/NAME'):
        fetch_run(name)
    with pytest.raises(ValueError, match='USER/NAME'):
        push_run(tmp_path, name)


def test_private_goes_with_hub(capsys):
    status, _, err = run_tool('publish_model', 'run', '--out', 'o', '--data',
                              'd', '--licence', 'l', '--private')
    assert status == 2 and '--private goes with --hub' in err
