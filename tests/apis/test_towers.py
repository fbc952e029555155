"""Pretrained towers are searched, indexed, reported and scored as a run."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from sentence_folders import write_clip, write_sentence_folder
from tiny_run import run_tool
from tiny_towers import TEXTS

from chtn_plugin.apis import RetrievalInferencer

_MEAN = dict(type='Pooling', pooling_mode='mean')


def pictures(folder, count=4):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(count):
        Image.fromarray(rng.integers(0, 256, (50, 70 + 3 * k, 3), np.uint8)
                        ).save(folder / f'{k}.png')
    return folder


def manifest(folder):
    pictures(folder / 'images', 12)
    rows = ['id\timage\ttext\tclass\tsplit'] + [
        f'{k}\timages/{k}.png\t{TEXTS[k % 3]} {k}\t{"ab"[k % 2]}\ttest'
        for k in range(12)]
    path = folder / 'pairs.tsv'
    path.write_text('\n'.join(rows) + '\n')
    return path


@pytest.mark.parametrize('kind, options', [
    ('clip', dict()),
    ('siglip', dict(size=dict(height=32, width=32), do_center_crop=False,
                    image_processor_type='SiglipImageProcessor'))])
def test_vectors_are_those_of_the_package_itself(tmp_path, kind, options):
    from transformers import AutoModel, AutoTokenizer
    from transformers.models.clip import CLIPImageProcessorPil
    folder = write_clip(tmp_path, kind, **options)
    model = RetrievalInferencer.from_towers(str(folder), show_progress=False)
    theirs = AutoModel.from_pretrained(folder).eval()
    paths = sorted(pictures(tmp_path / 'pictures').iterdir())
    prepared = CLIPImageProcessorPil.from_pretrained(folder)(
        [Image.open(path) for path in paths], return_tensors='pt')
    tokens = AutoTokenizer.from_pretrained(folder)(
        TEXTS, padding='max_length', max_length=16, truncation=True,
        return_tensors='pt')
    tokens.pop('token_type_ids', None)
    if kind == 'siglip':
        tokens.pop('attention_mask')  # SigLIP's own tokenizer gives none
    with torch.no_grad():
        image = theirs.get_image_features(**prepared)
        text = theirs.get_text_features(**tokens)
    for ours, other in ((model.encode_images(paths), image),
                        (model.encode_texts(TEXTS), text)):
        other = getattr(other, 'pooler_output', other).numpy()
        assert np.abs(ours - other).max() < 1e-5


def test_texts_find_texts_with_a_sentence_model(tmp_path):
    (tmp_path / 'lines.txt').write_text('\n'.join(TEXTS))
    model = RetrievalInferencer.from_towers(str(write_sentence_folder(
        tmp_path, [_MEAN])), show_progress=False)
    model.index(tmp_path / 'lines.txt')
    hits = model.search(text=TEXTS[1], target='text', topk=2).hits
    assert hits[0].text == TEXTS[1]
    assert hits[0].score == pytest.approx(1)
    with pytest.raises(ValueError, match='take no pictures|no pictures'):
        model.search(image=Image.new('RGB', (9, 9)))


def test_the_run_does_without_the_folder(tmp_path):
    folder = write_clip(tmp_path)
    model = RetrievalInferencer.from_towers(str(folder), show_progress=False)
    before = model.encode_texts(TEXTS)
    folder.rename(tmp_path / 'gone')
    again = RetrievalInferencer(model.run, show_progress=False)
    assert np.array_equal(before, again.encode_texts(TEXTS))


def test_every_command_takes_towers(tmp_path):
    towers = f'towers:{write_clip(tmp_path)}'
    pairs = manifest(tmp_path)
    for name, *options in (
            ('search', towers, '--gallery', pairs, '--text', 'a bird'),
            ('index', 'build', towers, tmp_path / 'images', '--out',
             tmp_path / 'index'),
            ('search', towers, '--gallery', tmp_path / 'index', '--text',
             'a cat'),
            ('report', towers, '--data', pairs, '--no-tsne', '--out',
             tmp_path / 'report.html'),
            ('extract_features', towers, '--data', pairs, '--out',
             tmp_path / 'test.npz'),
            ('score', tmp_path / 'test.npz')):
        status, out, err = run_tool(name, *options)
        assert status == 0, f'{name}: {err}'
    assert 'chtn-map-all' in out
    assert 'chtn-map-all' in (tmp_path / 'report.html').read_text()


@pytest.mark.parametrize('options, message', [
    (['report', 'towers:{clip}', '--no-tsne'], 'name a manifest, --data'),
    (['report', 'towers:{clip}', '--data', '{clip}/gone.tsv'],
     'manifest not found'),
    (['report', '{clip}', '--data', '{clip}/gone.tsv'],
     '--data goes with towers:NAME alone'),
    (['search', 'towers:{clip}/nothing', '--gallery', '{clip}', '--text',
      'a'], 'is no folder of a transformers model')])
def test_what_does_not_fit_is_a_line(tmp_path, monkeypatch, options,
                                     message):
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    clip = str(write_clip(tmp_path))
    status, _, err = run_tool(*(word.format(clip=clip) for word in options))
    assert status == 1
    assert message in err and 'Traceback' not in err
