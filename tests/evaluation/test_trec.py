"""TREC files, line by line."""
import numpy as np
import pytest
import scored_sets

from chtn_plugin.evaluation import Embeddings, get_protocol, score_embeddings
from chtn_plugin.evaluation import functional as F
from chtn_plugin.evaluation.rank_table import rank_table
from chtn_plugin.evaluation.trec import write_trec


@pytest.fixture
def embeddings():
    # Cosines 1 of each image to its own text, 0 to the other one.
    return Embeddings(
        image=np.eye(2), text=2 * np.eye(2), image_label=np.array([0, 1]),
        text_label=np.array([0, 1]), image_id=np.array(['a b', 'c']),
        text_id=np.array(['x', 'y']))


def lines(path):
    return path.read_text(encoding='utf-8').splitlines()


def test_a_run_lists_each_query_s_ranking_with_its_scores(tmp_path,
                                                          embeddings):
    run, _ = write_trec(tmp_path, embeddings, 'i2t', tag='mine')
    assert lines(run) == ['ia_b Q0 tx 1 1 mine', 'ia_b Q0 ty 2 0 mine',
                          'ic Q0 ty 1 1 mine', 'ic Q0 tx 2 0 mine']


def test_qrels_list_the_relevant_items(tmp_path, embeddings):
    _, qrels = write_trec(tmp_path, embeddings, 't2i')
    assert lines(qrels) == ['tx 0 ia_b 1', 'ty 0 ic 1']


def test_depth_cuts_each_ranking(tmp_path, embeddings):
    run, _ = write_trec(tmp_path, embeddings, 'i2t', depth=1)
    assert [line.split()[2] for line in lines(run)] == ['tx', 'ty']


def test_a_query_does_not_find_itself(tmp_path, embeddings):
    run, qrels = write_trec(tmp_path, embeddings, 'i2i')
    assert [line.split()[:3] for line in lines(run)] == [
        ['ia_b', 'Q0', 'ic'], ['ic', 'Q0', 'ia_b']]
    assert lines(qrels) == []


@pytest.mark.parametrize('direction', ['i2t', 'i2i'])
def test_trec_files_hold_the_same_ranking(tmp_path, direction):
    data = scored_sets.embeddings(1, items=20)
    run, qrels = write_trec(tmp_path, data, direction)
    scores, relevant = np.full((20, 20), -np.inf), np.zeros((20, 20), bool)
    for line in run.read_text().splitlines():
        query, _, item, _, score, _ = line.split()
        scores[int(query[1:]), int(item[1:])] = score
    for line in qrels.read_text().splitlines():
        query, _, item, grade = line.split()
        relevant[int(query[1:]), int(item[1:])] = grade == '1'
    ours = score_embeddings(data, ['chtn-map-all'], [direction])[0].values
    assert (F.average_precision(rank_table(scores, relevant)) == ours).all()


def test_trec_depth_and_split_follow(tmp_path):
    run, _ = write_trec(tmp_path, scored_sets.embeddings(1), 'i2t',
                        get_protocol('chtn-map-all:dot'), depth=3)
    assert len(run.read_text().splitlines()) == 60 * 3
