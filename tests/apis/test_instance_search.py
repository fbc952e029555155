"""Search with a model that has an instance part."""
import numpy as np
import pytest
import torch
from tiny_run import run_tool, write_run

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.apis.search_page import search_page


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('instance')
    write_run(folder, model=dict(
        similarity='dot', instance=dict(type='InstanceMaps', balance=0.25)))
    return folder


@pytest.fixture(scope='module')
def model(folder):
    model = RetrievalInferencer(folder / 'run', show_progress=False)
    model.index(folder / 'data' / 'pairs.tsv')
    return model


@pytest.mark.parametrize('balance', [None, 0.6])
def test_a_score_is_the_balanced_sum_of_its_parts(model, balance):
    share = 0.25 if balance is None else balance
    for hit in model.search(text='cat word1', balance=balance).hits:
        assert hit.score == pytest.approx(
            (1 - share) * hit.parts['class'] + share * hit.parts['instance'],
            abs=1e-5)


def test_class_part_is_the_probability_of_one_class(model, folder):
    hit = model.search(text='cat', topk=1).hits[0]
    p = model.class_probabilities(texts='cat')[0]
    q = model.class_probabilities(images=hit.path)[0]
    assert hit.parts['class'] == pytest.approx(float(p @ q), abs=1e-5)


@pytest.mark.parametrize('balance, name', [(0., 'class'), (1., 'instance')])
def test_one_part_alone_can_be_asked(model, balance, name):
    hits = model.search(text='cat', topk=12, balance=balance).hits
    assert set(hits[0].parts) == {name}
    assert [hit.score for hit in hits] == pytest.approx(
        [hit.parts[name] for hit in hits], abs=1e-5)


def test_an_index_on_disk_serves_every_balance(model, folder, tmp_path):
    status, _, err = run_tool('index', 'build', folder / 'run',
                              folder / 'data' / 'pairs.tsv', '--out',
                              tmp_path / 'i')
    assert status == 0, err
    stored = RetrievalInferencer(folder / 'run', show_progress=False)
    assert stored.index(tmp_path / 'i').similarity == 'dot'
    for balance in (None, 1.):
        here, there = (each.search(text='cat', balance=balance).hits
                       for each in (model, stored))
        assert [hit.id for hit in here] == [hit.id for hit in there]


def test_far_answers_are_said_to_be_far(folder):
    model = RetrievalInferencer(folder / 'run', show_progress=False)
    model.index(folder / 'data' / 'pairs.tsv')
    assert not any('nothing close' in note
                   for note in model.search(text='cat').notes)
    model.model.instance.nearby.fill_(2.)
    assert any('nothing close' in note
               for note in model.search(text='cat').notes)


def test_page_has_a_slider_where_it_holds(model):
    assert 'name="balance" min="0" max="100" value="25"' in search_page(model)


def test_tool_takes_a_balance_and_shows_the_parts(folder):
    status, said, err = run_tool(
        'search', folder / 'run', '--gallery', folder / 'data' / 'pairs.tsv',
        '--text', 'cat', '--balance', '0.5', '--topk', '2')
    assert status == 0, err
    assert said.count('  class ') == 2 and '  instance ' in said


def test_towers_are_exported_with_their_similarity(model, tmp_path):
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    from chtn_plugin.export.onnx_export import export_towers
    from chtn_plugin.export.onnx_runtime import Towers
    assert export_towers(model, tmp_path, samples=4).difference < 1e-4
    towers = Towers(tmp_path)
    assert towers.meta['similarity'] == 'dot'
    rows = towers.texts(['cat'])[0]
    np.testing.assert_allclose(rows, model.encode_texts('cat'), atol=1e-5)
    np.testing.assert_allclose(
        towers.balanced(rows, 0.6), rows * model.model.query_factors(
            0.6).numpy(), atol=1e-6)


def test_nothing_of_it_is_lost_in_half_precision(folder):
    model = RetrievalInferencer(folder / 'run', precision='bf16',
                                show_progress=False)
    rows = torch.from_numpy(model.encode_texts('cat'))
    part = model.model.parts['instance']
    assert rows[:, part].square().sum().item() == pytest.approx(0.25,
                                                                abs=1e-4)
