"""The page for a Space under projects/."""
from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from tiny_run import write_run

from chtn_plugin.apis import RetrievalInferencer

_FILE = (Path(__file__).resolve().parents[1]
         / 'projects' / 'gradio_space' / 'app.py')


@pytest.fixture(scope='module')
def app():
    spec = importlib.util.spec_from_file_location('gradio_space_app', _FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp('space')
    write_run(folder)
    model = RetrievalInferencer(folder / 'run', show_progress=False)
    model.index(folder / 'data' / 'pairs.tsv')
    return model


def test_a_text_finds_pictures(app, model):
    pictures, texts, notes = app.find(model, ' bird ', None, 3)
    hits = model.search(text='bird', topk=3).hits
    assert [file for file, _ in pictures] == [hit.path for hit in hits]
    assert pictures[0][1].startswith(f'{hits[0].score:.2f} · {hits[0].label}')
    assert texts == []
    assert isinstance(notes, str)


def test_a_picture_finds_texts(app, model):
    picture = np.full((4, 4, 3), 50, np.uint8)
    pictures, texts, _ = app.find(model, '', picture, 2)
    hits = model.search(image=picture, topk=2).hits
    assert pictures == []
    assert texts == [[f'{hit.score:.2f}', hit.text] for hit in hits]


def test_nothing_asked_is_said(app, model):
    with pytest.raises(ValueError, match='write a text, or give a picture'):
        app.find(model, ' ', None, 2)


def test_the_page_answers(app, model):
    gradio = pytest.importorskip('gradio')
    page = app.build_app(model)
    answer, = {each.fn for each in page.fns.values()}
    assert answer('bird', None, 3) == app.find(model, 'bird', None, 3)
    with pytest.raises(gradio.Error, match='write a text'):
        answer('', None, 3)
