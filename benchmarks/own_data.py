"""Measure own-data configurations beside logistic regression and ridge map.

Each configuration is what tools/make_manifest.py writes for a file of
features. It is trained over seeds; the best validation state is tested once:
by class (MAP), and by how often a query finds its very partner, with the
balance that validation chose and with the balance on the instance part alone.
Beside it, on the same rows: semantic matching (a logistic regression a
modality, strengths chosen on the validation split, ranked by the inner
product of its posteriors, and by their cosine) and the ridge map from images
to texts. Items with equal texts, or equal images, are partners.

    python tools/extract_features.py path/to/folder --images offline \\
        --texts offline --out features.npz
    python tools/make_manifest.py features.npz --config configs/own_set.py
    python benchmarks/own_data.py configs/own_set.py --seeds 0 1 2 3 4
"""
from __future__ import annotations

import argparse
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from chtn_plugin.evaluation import Embeddings, score_embeddings
from chtn_plugin.evaluation.partners import partner_keys

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner
from torch import Tensor, nn

from runs import mean_and_deviation, quiet

PROTOCOLS = dict(map='chtn-map-all', hit1='pair-hit-rate@1',
                 hit10='pair-hit-rate@10', rank='pair-median-rank')
Rows = dict[str, Any]
Figures = dict[str, float]


def split_rows(cfg: Config, split: str) -> Rows:
    """Return the vectors, classes and partner keys of one split."""
    dataset = DATASETS.build(dict(cfg.val_dataloader.dataset, split=split))
    batch = dataset.__getitems__(list(range(len(dataset))))
    samples = batch['data_samples']
    keys = partner_keys(*(np.asarray(samples[name]) for name in (
        'image_idx', 'text_idx', 'same_text_idx', 'same_image_idx')))
    return dict(image=batch['inputs']['image'].float(),
                text=batch['inputs']['text'].float(),
                label=samples['label'], keys=keys)


def figures(image: Tensor, text: Tensor, rows: Rows, similarity: str
            ) -> Figures:
    """Return the figures of both directions, such as ``i2t_hit1``."""
    label = rows['label'].numpy()
    scores = score_embeddings(
        Embeddings(image=image.numpy(), text=text.numpy(), image_label=label,
                   text_label=label, image_pair=rows['keys'][0],
                   text_pair=rows['keys'][1]),
        [f'{name}:{similarity}' for name in PROTOCOLS.values()])
    made = {f'{score.direction}_{key}': float(score.value)
            for score, key in zip(scores, [
                key for key in PROTOCOLS for _ in ('i2t', 't2i')],
                strict=True)}
    for key in PROTOCOLS:
        made[f'mean_{key}'] = (made[f'i2t_{key}'] + made[f't2i_{key}']) / 2
    return made


@torch.no_grad()
def encoded(model: nn.Module, rows: Rows) -> tuple[Tensor, Tensor]:
    """Return the representations of a split."""
    model.eval()
    return (model.encode_image(rows['image']).repr,
            model.encode_text(rows['text']).repr)


def closed_form(kind: str, train: Rows, **options: Any) -> nn.Module:
    """Fit a closed-form method to the training rows."""
    model = MODELS.build(dict(
        type=kind, trunk=dict(
            backbone=None, input_shape=tuple(train['image'].shape[1:]),
            mode='frozen'),
        text_encoder=dict(type='VectorTextEncoder', norm=None,
                          out_features=train['text'].shape[1]), **options))
    model.fit(train['image'], train['text'], train['label'])
    return model


def semantic_matching(parts: dict[str, Rows], num_classes: int,
                      similarity: str) -> Figures:
    """Choose both strengths on validation, then test."""
    fitted = {
        strength: closed_form('SemanticMatching', parts['train'],
                              num_classes=num_classes,
                              strength_image=strength, strength_text=strength)
        for strength in (1., 10., 100.)}

    def posteriors(split: str, image: float, text: float
                   ) -> tuple[Tensor, Tensor]:
        return (encoded(fitted[image], parts[split])[0],
                encoded(fitted[text], parts[split])[1])

    chosen = max(product(fitted, repeat=2), key=lambda pair: figures(
        *posteriors('val', *pair), parts['val'], similarity)['mean_map'])
    return figures(*posteriors('test', *chosen), parts['test'], similarity)


def network(config: str, seed: int, test: Rows) -> dict[str, Figures]:
    """Train one run; its figures by the balance that ranks."""
    cfg = Config.fromfile(config)
    cfg.default_hooks.checkpoint.update(interval=-1, save_optimizer=False,
                                        save_param_scheduler=False)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner.from_cfg(quiet(cfg, seed, folder))
        runner.train()
        runner.load_checkpoint(str(next(Path(folder).glob('best_*.pth'))))
    model = runner.model
    image, text = encoded(model, test)
    made = {}
    for name, balance in (('default', model.balance), ('class', 0.),
                          ('instance', 1.)):
        # The root of a query's factors on either side: the same products.
        half = model.query_factors(balance).sqrt()
        made[name] = figures(image * half, text * half, test, 'dot')
    made['default']['balance'] = float(model.balance)
    return made


def main() -> None:
    """Print two rows a table: by class, and by the very thing."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--seeds', type=int, nargs='*',
                        default=[0, 1, 2, 3, 4],
                        help='of the network; none: closed forms alone')
    args = parser.parse_args()
    torch.set_num_threads(1)
    print('| data | ranked by | MAP i2t | t2i | mean | hit@1 i2t | t2i '
          '| hit@10 i2t | t2i | median rank i2t | t2i |\n|'
          + '---|' * 11, flush=True)
    for config in args.configs:
        cfg = Config.fromfile(config)
        parts = {split: split_rows(cfg, split)
                 for split in ('train', 'val', 'test')}
        name = Path(config).stem.removeprefix('own_')
        for what, similarity in (('⟨p, p⟩', 'dot'), ('cosine', 'cosine')):
            show(name, f'semantic matching, {what}', [semantic_matching(
                parts, cfg.model.num_classes, similarity)])
        ridge = closed_form('RidgeMap', parts['train'])
        show(name, 'ridge map', [figures(*encoded(ridge, parts['test']),
                                         parts['test'], 'cosine')])
        if not args.seeds:
            continue
        runs = [network(config, seed, parts['test']) for seed in args.seeds]
        balances = ', '.join(f"{run['default']['balance']:g}" for run in runs)
        for key, what in (
                ('default', f'CHTN, default balance ({balances})'),
                ('class', 'CHTN, class part alone'),
                ('instance', 'CHTN, instance part alone')):
            show(name, what, [run[key] for run in runs])


def show(name: str, what: str, runs: list[Figures]) -> None:
    """Print one row."""
    cells = [mean_and_deviation([run[f'{direction}_{key}'] for run in runs])
             for key, directions in (('map', ('i2t', 't2i', 'mean')),
                                     ('hit1', ('i2t', 't2i')),
                                     ('hit10', ('i2t', 't2i')),
                                     ('rank', ('i2t', 't2i')))
             for direction in directions]
    print(f'| {name} | {what} | ' + ' | '.join(cells) + ' |', flush=True)


if __name__ == '__main__':
    main()
