import numpy as np
import pytest
import torch
from mmengine.registry import INFERENCERS
from PIL import Image

from chtn_plugin.apis import RetrievalInferencer
from chtn_plugin.apis.gallery_filter import Filter
from chtn_plugin.apis.index_store import IndexStore


def _cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_is_registered_and_a_base_inferencer(model):
    from mmengine.infer import BaseInferencer
    assert INFERENCERS.get('RetrievalInferencer') is RetrievalInferencer
    assert isinstance(model, BaseInferencer)


def test_encodes_as_the_model_predicts(model, tiny):
    from mmengine.registry import DATASETS
    dataset = DATASETS.build(model.cfg.test_dataloader.dataset)
    dataset.full_init()
    batch = model.model.data_preprocessor(
        dataset.__getitems__(list(range(4))), False)
    with torch.no_grad():
        items = model.model(**batch, mode='predict')
    infos = [dataset.get_data_info(i) for i in range(4)]
    for part, rows in (
            ('image', model.encode_images([i['img_path'] for i in infos])),
            ('text', model.encode_texts([i['text'] for i in infos]))):
        wanted = np.stack([item[f'{part}_repr'].numpy() for item in items])
        np.testing.assert_allclose(rows, wanted, atol=1e-6)


@pytest.mark.parametrize('mode', ['path', 'str', 'pil', 'array', 'grey'])
def test_every_kind_of_picture_is_the_same_picture(model, tiny, mode):
    path = tiny / 'data' / 'images' / '7.png'
    picture = Image.open(path)
    given = dict(path=path, str=str(path), pil=picture,
                 array=np.asarray(picture),
                 grey=np.asarray(picture)[..., 0])[mode]
    np.testing.assert_array_equal(model.encode_images(given),
                                  model.encode_images([path]))


def test_photo_in_memory_is_upright_as_its_file_is(model, tmp_path):
    stored = np.zeros((8, 8, 3), np.uint8)
    stored[:, 4:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it right to see it, as phones store photos
    path = tmp_path / 'photo.jpg'
    Image.fromarray(stored).save(path, quality=100, exif=exif)
    with Image.open(path) as photo:
        given = model.load_image(photo).int()
    assert (given[:, :4] < 5).all() and (given[:, 4:] > 250).all()
    # two decoders, a level apart
    assert (given - model.load_image(path).int()).abs().max() <= 2


def test_any_iterable_in_batches(tiny, model):
    small = RetrievalInferencer(tiny / 'run', batch_size=2,
                                show_progress=False)
    texts = [f'cat word{k}' for k in range(5)]
    np.testing.assert_allclose(small.encode_texts(t for t in texts),
                               model.encode_texts(texts), atol=1e-6)
    assert model.encode_texts([]).shape == (0, 2)


def test_class_probabilities_sum_to_one(model):
    probabilities = model.class_probabilities(texts=['cat', 'bird'])
    assert probabilities.shape == (2, len(model.classes))
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)


def test_bf16_is_close(tiny, model):
    other = RetrievalInferencer(tiny / 'run', precision='bf16',
                                show_progress=False)
    gap = other.encode_texts('cat word1') - model.encode_texts('cat word1')
    assert 0 <= abs(gap).max() < 0.05
    pictures = sorted((tiny / 'data' / 'images').glob('*.png'))
    one, two = (m.encode_images(pictures) for m in (model, other))
    assert min(map(_cosine, one, two)) > 0.999
    convolution = next(m for m in other.model.modules()
                       if isinstance(m, torch.nn.Conv2d))
    assert convolution.weight.is_contiguous(
        memory_format=torch.channels_last)


def test_text_finds_pictures_by_cosine(model, pictures):
    gallery = model.index(pictures)
    assert (len(gallery), gallery.skipped) == (3, [])
    result = model.search(text='cat word1', topk=3)
    query = model.encode_texts('cat word1')[0]
    scores = {f'{k}.png': _cosine(query, model.encode_images(
        pictures / f'{k}.png')[0]) for k in range(3)}
    assert [hit.id for hit in result.hits] == sorted(
        scores, key=lambda name: -scores[name])
    for hit in result.hits:
        assert hit.score == pytest.approx(scores[hit.id], abs=1e-5)
        assert hit.kind == 'image'
    assert set(result.classes) == {'bird', 'cat'}


def test_picture_finds_texts_of_a_file(model, pictures, tmp_path):
    names = tmp_path / 'names.txt'
    names.write_text('cat word1\n\nbird word2\n汉字\n', encoding='utf-8')
    model.index(names)
    result = model.search(image=pictures / '1.png', topk=9)
    assert {hit.text for hit in result.hits} == {'cat word1', 'bird word2',
                                                 '汉字'}
    assert result.notes == ('9 were asked for, the gallery holds 3', )


def test_manifest_has_both_kinds(model, tiny):
    model.index(tiny / 'data' / 'pairs.tsv')
    assert {h.kind for h in model.search(text='cat').hits} == {'image'}
    same = model.search(text='cat', target='text')
    assert {hit.kind for hit in same.hits} == {'text'}
    assert same.hits[0].label in ('bird', 'cat')


def test_call_tells_pictures_from_texts(model, pictures):
    model.index(pictures)
    answer = model([str(pictures / '0.png'), 'cat', 'gone.png'], topk=1,
                   draw=True)
    assert [r.kind for r in answer['predictions']] == ['image', 'text',
                                                       'text']
    assert answer['visualization'].size[0] > 100


@pytest.mark.parametrize('query', ['φωνή', '汉字', '', '!?', '\ud800'])
def test_unknown_words_are_said(model, pictures, query):
    model.index(pictures)
    assert 'no word of the query' in model.search(text=query).notes[0]


def test_some_unknown_words_are_named(model, pictures):
    model.index(pictures)
    notes = model.search(text='cat zebra', topk=1).notes
    assert notes == ('not in the vocabulary, and so left out: zebra', )


def test_long_text_is_answered_and_a_huge_one_refused(model, pictures):
    model.index(pictures)
    assert model.search(text='cat ' * 25_000).hits
    with pytest.raises(ValueError, match='1000000 characters'):
        model.search(text='x' * 1_000_001)


def test_one_item_gallery(model, pictures):
    model.index(pictures / '1.png')
    assert len(model.search(text='cat').hits) == 1


def test_empty_gallery_is_said(model, tmp_path):
    model.index(tmp_path)
    with pytest.raises(ValueError, match='at least one item'):
        model.search(text='cat')


def test_unreadable_pictures_are_listed(model, pictures):
    whole = (pictures / '1.png').read_bytes()
    (pictures / 'cut.png').write_bytes(whole[:-30])
    (pictures / 'text.jpg').write_text('not a picture')
    (pictures / 'empty.png').touch()
    gallery = model.index(pictures)
    assert len(gallery) == 3
    reasons = dict(gallery.skipped)
    assert set(reasons) == {'cut.png', 'text.jpg', 'empty.png'}
    assert 'cut off' in reasons['cut.png']
    assert 'such as JPEG' in reasons['text.jpg']


def test_hundred_megapixels_are_refused_by_the_header(model, tmp_path):
    path = tmp_path / 'large.png'
    Image.new('1', (10_000, 10_000)).save(path)
    with pytest.raises(ValueError, match=r'has 100 \(10000 × 10000\)'):
        model.encode_images(path)


def test_search_needs_gallery_and_a_query(tiny):
    fresh = RetrievalInferencer(tiny / 'run', show_progress=False)
    with pytest.raises(RuntimeError, match='index'):
        fresh.search(text='cat')
    with pytest.raises(ValueError, match='a text or an image'):
        fresh.search()


def test_text_and_picture_are_joined_by_their_weight(model, pictures):
    model.index(pictures)
    picture = pictures / '0.png'
    for weight, alone in ((1., dict(image=picture, target='image')),
                          (0., dict(text='cat word1', target='image'))):
        both = model.search(text='cat word1', image=picture,
                            image_weight=weight)
        assert [(hit.id, hit.score) for hit in both.hits] == [
            (hit.id, pytest.approx(hit.score, abs=1e-6))
            for hit in model.search(**alone).hits]
    joined = model.search(text='cat', image=picture, image_weight=0.25)
    assert joined.kind == 'both'
    assert any('picture (25%) and the text (75%)' in note
               for note in joined.notes)


def test_joined_scores_are_the_weighted_sum(model, pictures):
    model.index(pictures)
    picture = pictures / '1.png'
    scores = [{hit.id: hit.score for hit in model.search(
        topk=3, target='image', **query).hits} for query in (
            dict(text='cat'), dict(image=picture),
            dict(text='cat', image=picture, image_weight=0.3))]
    gallery = model.gallery.rows('image')
    text, image = (model.encode_texts('cat')[0],
                   model.encode_images(picture)[0])
    query = 0.7 * text / np.linalg.norm(text) + (
        0.3 * image / np.linalg.norm(image))
    expected = gallery @ (query / np.linalg.norm(query))
    assert sorted(scores[2].values()) == pytest.approx(sorted(expected),
                                                       abs=1e-5)


def test_filters_choose_what_may_be_found(model, tiny):
    model.index(tiny / 'data' / 'pairs.tsv')
    labels = {hit.label for hit in model.search(
        text='cat', topk=20, filters=['label=bird']).hits}
    assert labels == {'bird'}
    assert {hit.label for hit in model.search(
        text='cat', topk=20,
        filters=[Filter('label', 'bird', without=True)]).hits} == {'cat'}


def test_a_balance_needs_a_model_that_has_one(model, pictures):
    model.index(pictures)
    with pytest.raises(ValueError, match='an instance part: CHTN has none'):
        model.search(text='cat', balance=0.5)


def test_weight_out_of_range_is_refused(model, pictures):
    model.index(pictures)
    with pytest.raises(ValueError, match='0 to 1, got 2'):
        model.search(text='cat', image_weight=2)


@pytest.mark.parametrize('bad', [
    dict(image=np.zeros((4, 4, 3), float)), dict(image=np.zeros((0, 4, 3),
                                                                np.uint8)),
    dict(text='cat', topk=0), dict(text='cat', target='sound')])
def test_wrong_query_is_refused(model, pictures, bad):
    model.index(pictures)
    with pytest.raises(ValueError):
        model.search(**bad)


def test_missing_picture_is_named(model, pictures):
    model.index(pictures)
    with pytest.raises(FileNotFoundError, match='gone.png'):
        model.search(image=pictures / 'gone.png')


@pytest.mark.parametrize('name, content, said', [
    ('latin.txt', b'caf\xe9\n', 'UTF-8'), ('other.bin', b'x', 'a gallery')])
def test_wrong_gallery_is_refused(model, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        model.index(tmp_path / name)


def test_options_are_checked(tiny):
    with pytest.raises(ValueError, match='precision'):
        RetrievalInferencer(tiny / 'run', precision='fp8')
    with pytest.raises(ValueError, match='batch_size'):
        RetrievalInferencer(tiny / 'run', batch_size=0)


def test_note_on_too_few_counts_the_kind_that_is_searched(model, tiny):
    model.index(tiny / 'data' / 'pairs.tsv')
    images, held = model.gallery.count('image'), len(model.gallery)
    assert images < held
    result = model.search(text='cat', topk=held, target='image')
    assert len(result.hits) == images
    assert (f'{held} were asked for, the gallery holds {images} images'
            in result.notes)


def test_a_column_of_the_manifest_filters_through_an_index_too(model, tiny,
                                                               tmp_path):
    lines = (tiny / 'data' / 'pairs.tsv').read_text().splitlines()
    manifest = tiny / 'data' / 'coloured.tsv'
    manifest.write_text('\n'.join(
        f'{line}\t{"colour" if not row else "red" if row % 2 else "blue"}'
        for row, line in enumerate(lines)) + '\n')
    IndexStore(tmp_path / 'x.index').build(model, manifest, progress=False)
    for gallery in (manifest, tmp_path / 'x.index'):
        model.index(gallery)
        found = model.search(text='cat', topk=99, target='text',
                             filters=['colour=red']).hits
        everything = model.search(text='cat', topk=99, target='text').hits
        assert {hit.id for hit in found} == {
            line.split('\t')[0] for line in lines[1::2]}
        assert len(found) < len(everything)
    with pytest.raises(ValueError, match="'colour', .* got 'size'"):
        model.search(text='cat', filters=['size=9'])
