"""tools/analysis_tools/confusion_matrix.py on a tiny run."""
from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from tiny_run import run_tool, write_run

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.apis.encoded_split import encode_split

TOOL = 'analysis_tools/confusion_matrix'


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp('confusion'))


def test_classifier_and_retrieval_are_counted(run, tmp_path):
    out, picture = tmp_path / 'matrices.json', tmp_path / 'picture.png'
    status, said, err = run_tool(TOOL, run, '--out', out, '--show-path',
                                 picture, '--include-values')
    assert status == 0, err
    found = json.loads(out.read_text())
    assert found['classes'] == ['bird', 'cat']
    assert set(found['matrices']) == {'image', 'text', 'i2t', 't2i'}
    model = RetrievalInferencer(run, 'cpu')
    encoded = encode_split(model, progress=False)
    likely = model.class_probabilities(texts=encoded.text).argmax(1)
    true = np.asarray(encoded.embeddings.text_label).astype(int)
    expected = np.zeros((2, 2), int)
    np.add.at(expected, (true, likely), 1)
    assert found['matrices']['text']['counts'] == expected.tolist()
    assert found['matrices']['text']['accuracy'] == pytest.approx(
        (true == likely).mean())
    assert 'text, by the classifier: ' in said
    with Image.open(picture) as opened:
        assert min(opened.size) > 300


def test_embeddings_have_retrieval_alone(run, tmp_path):
    status, _, err = run_tool('extract_features', run, '--out',
                              tmp_path / 'e.npz')
    assert status == 0, err
    printed = []
    for what in (run, tmp_path / 'e.npz'):
        status, out, err = run_tool(TOOL, what, '--json')
        assert status == 0, err
        printed.append(json.loads(out)['matrices'])
    whole, alone = printed
    assert set(alone) == {'i2t', 't2i'}
    assert all(whole[name] == alone[name] for name in alone)


def test_a_configuration_beside_is_refused_in_words(run):
    status, _, err = run_tool(TOOL, 'configs/chtn_demo.py', run)
    assert status == 2 and 'a checkpoint holds its configuration' in err


def test_a_picture_of_the_users_is_left_alone(run, tmp_path):
    (tmp_path / 'mine.png').write_bytes(b'mine')
    status, _, err = run_tool(TOOL, run, '--show-path', tmp_path / 'mine.png')
    assert status != 0 and 'mine.png is another' in err
    assert (tmp_path / 'mine.png').read_bytes() == b'mine'
