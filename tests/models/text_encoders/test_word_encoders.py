"""Word-level CNN and BiGRU: padding changes nothing, vectors are the file's.
"""
from __future__ import annotations

from unittest import mock

import pytest
import torch

from chtn_plugin.models import BiGRU, CrossModalDataPreprocessor, WordCNN
from chtn_plugin.models.text_encoders import word_embedding

ENCODERS = {
    'cnn': lambda **options: WordCNN(10, 4, channels=5, **options),
    'gru last': lambda **options: BiGRU(10, 4, hidden=6, pooling='last',
                                        **options),
    'gru mean': lambda **options: BiGRU(10, 4, hidden=6, pooling='mean',
                                        **options),
    'gru max': lambda **options: BiGRU(10, 4, hidden=6, pooling='max',
                                       **options),
}
TEXTS = torch.tensor([[2, 3, 4, 0, 0], [5, 0, 0, 0, 0], [0, 0, 0, 0, 0]])


@pytest.fixture(params=ENCODERS)
def build(request):
    torch.manual_seed(0)
    return ENCODERS[request.param]


def test_size_is_as_announced(build):
    encoder = build()
    assert encoder(TEXTS).shape == (3, encoder.out_features)


def test_padding_changes_nothing(build):
    encoder = build().eval()
    together = encoder(TEXTS)
    for row, length in ((0, 3), (1, 1), (2, 1)):
        alone = encoder(TEXTS[row:row + 1, :length])
        torch.testing.assert_close(alone[0], together[row])
    longer = torch.nn.functional.pad(
        torch.cat([TEXTS, torch.full((1, 5), 7)]), (0, 4))
    torch.testing.assert_close(encoder(longer)[:3], together)


def test_text_without_a_word_is_finite(build):
    encoder = build()
    assert encoder(torch.zeros(2, 3, dtype=torch.int64)).isfinite().all()


def test_vector_of_padding_gets_no_gradient(build):
    encoder = build()
    encoder(TEXTS).square().sum().backward()
    assert encoder.words.weight.grad[0].abs().sum() == 0
    assert encoder.words.weight.grad[2].abs().sum() > 0


def test_vectors_of_a_file_are_read_by_init_weights(build, tmp_path):
    path = tmp_path / 'v.txt'
    path.write_text('dog 1 2 3 4\na 5 6 7 8\n')
    encoder = build(vectors=str(path))
    encoder.init_weights()
    assert encoder.words.weight[:5].tolist() == [
        [0] * 4, [0] * 4, [1, 2, 3, 4], [5, 6, 7, 8], [0] * 4]
    assert not encoder.words.weight.requires_grad


def test_file_is_not_needed_where_a_checkpoint_follows(build):
    build(vectors='no/such/file.txt')


def test_vectors_of_another_size_are_refused(build, tmp_path):
    path = tmp_path / 'v.txt'
    path.write_text('dog 1 2 3\n')
    with pytest.raises(ValueError, match='vector_size is 4.*vectors of 3'):
        build(vectors=str(path)).init_weights()


def test_number_out_of_range_is_refused(build):
    with pytest.raises(ValueError, match='below 10.*got 11'):
        build()(torch.tensor([[11, 2]]))


def test_a_window_sees_its_words_alone():
    # one filter of length 1 that sums the vector: the maximum over words
    encoder = WordCNN(4, 2, kernel_sizes=(1, ), channels=1).eval()
    with torch.no_grad():
        encoder.convs[0].weight.fill_(1)
        encoder.words.weight.copy_(
            torch.tensor([[0., 0], [0, 0], [1, 2], [4, -2]]))
    assert encoder(torch.tensor([[2, 3, 0], [3, 0, 0]])).tolist() == [
        [3], [2]]


def test_unknown_option_is_refused():
    with pytest.raises(ValueError, match='pooling'):
        BiGRU(pooling='mean-max')
    with pytest.raises(ValueError, match='kernel_sizes'):
        WordCNN(kernel_sizes=())


def test_last_is_the_last_state_of_each_direction():
    encoder = BiGRU(10, 4, hidden=6, pooling='last').eval()
    _, last = encoder.gru(encoder.words(TEXTS[:1, :3])[0])
    torch.testing.assert_close(encoder(TEXTS)[0],
                               torch.cat([last[0, 0], last[1, 0]]))


# What the host knows.


def test_lengths_from_the_host_give_the_vectors_that_lengths_asked_for_do(
        build):
    encoder = build().eval()
    with mock.patch.object(word_embedding, 'shortened',
                           lambda text: (text, None)):
        expected = encoder(TEXTS[:, :3])
    torch.testing.assert_close(encoder(TEXTS), expected)


def test_number_out_of_range_is_refused_before_the_device_asserts(build):
    text = CrossModalDataPreprocessor().to('meta')(dict(
        inputs=dict(text=torch.tensor([[11, 2]])), data_samples={}))
    with pytest.raises(ValueError, match='below 10.*got 11'):
        build().to('meta')(text['inputs']['text'])


@pytest.mark.parametrize('pooling', ['last', 'mean', 'max'])
def test_a_gru_runs_in_float32_under_autocast(pooling):
    torch.manual_seed(0)
    encoder = BiGRU(10, 4, hidden=6, pooling=pooling).eval()
    with torch.autocast('cpu', torch.bfloat16):
        half = encoder(TEXTS)
    assert half.dtype == torch.float32
    assert torch.equal(half, encoder(TEXTS))
