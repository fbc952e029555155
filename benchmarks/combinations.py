"""Train and test combinations of backbone and text encoder, over seeds.

Each is a configuration. The state that is tested is the one that is best on
the validation split, which is cut from the training rows; the test split is
read once a run. Beside each stands semantic matching: a logistic regression a
modality on the same features (of pictures: their pixels) and the same rows,
the two strengths of regularisation chosen on the validation split too, ranked
by the cosine of its posteriors and by their inner product.

    python benchmarks/combinations.py configs/chtn/*_webnews.py --seeds 0 1 2
    python benchmarks/combinations.py configs/chtn_demo.py --seeds
"""
from __future__ import annotations

import argparse
import json
import logging
import warnings
from itertools import product
from pathlib import Path
from typing import Any

from chtn_plugin.evaluation import Embeddings, score_embeddings

import numpy as np
import torch
from mmengine.config import Config, DictAction
from mmengine.registry import DATASETS, MODELS

from runs import FIGURES, mean_and_deviation, train_and_test

#: Semantic matching by the protocol that ranks its posteriors.
BASELINES = {'semantic matching, cosine': 'chtn-map-all',
             'semantic matching, ⟨p, p⟩': 'chtn-map-all:dot'}


def semantic_matching(config: str, options: dict[str, Any],
                      protocol: str) -> dict[str, float]:
    """Logistic regression on the features or pixels a configuration reads."""
    from sklearn.linear_model import LogisticRegression
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options)
    encoder = _text_vectors(cfg)
    preprocessor = MODELS.build(cfg.model.get(
        'data_preprocessor', dict(type='CrossModalDataPreprocessor')))
    parts = {}
    for name in ('train', 'val', 'test'):
        # Of the training rows, too, as they are: no random crop.
        dataset = DATASETS.build(dict(cfg.val_dataloader.dataset, split=name))
        batch = preprocessor(dataset.__getitems__(range(len(dataset))))
        parts[name] = dict(
            image=_unit(batch['inputs']['image'].flatten(1).numpy()),
            text=_unit(encoder(batch['inputs']['text'])),
            label=batch['data_samples']['label'].numpy())
    fitted = {
        (modality, strength): LogisticRegression(
            C=strength, max_iter=2000).fit(
                parts['train'][modality], parts['train']['label'])
        for modality in ('image', 'text') for strength in (1, 10, 100)}

    def figures(split: str, image: float, text: float) -> dict[str, float]:
        part = parts[split]
        label = part['label']
        scores = score_embeddings(Embeddings(
            image=fitted['image', image].predict_proba(part['image']),
            text=fitted['text', text].predict_proba(part['text']),
            image_label=label, text_label=label), [protocol])
        values = [float(score.value) for score in scores]
        return dict(zip(FIGURES, [*values, sum(values) / 2], strict=True))

    chosen = max(product((1, 10, 100), repeat=2), key=lambda strengths:
                 figures('val', *strengths)['mean_mAP'])
    return dict(figures('test', *chosen),
                val_mAP=figures('val', *chosen)['mean_mAP'], strengths=chosen)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True),
                             1e-12)


def _text_vectors(cfg: Config) -> Any:
    """What turns the text input into the vector the encoder starts from.

    Ready vectors are themselves, words the mean of their vectors, and tokens
    what the encoder makes of them without training.
    """
    encoder_cfg = cfg.model.text_encoder
    if encoder_cfg.type == 'VectorTextEncoder':
        return lambda text: text.numpy()
    encoder = MODELS.build(encoder_cfg).eval()
    if not hasattr(encoder, 'words'):
        return lambda text: np.concatenate([encoder(
            {k: v[i:i + 64] for k, v in text.items()}).detach().numpy()
            for i in range(0, len(text['input_ids']), 64)])
    encoder.words.init_weights()

    def mean(text: torch.Tensor) -> np.ndarray:
        vectors, present, _ = encoder.words(text)
        return (vectors.sum(1) / present.sum(1, keepdim=True).clamp(
            min=1)).detach().numpy()

    return mean


def _merged(config: str, options: dict[str, Any]) -> Config:
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options)
    return cfg


def main() -> None:
    """Run what is not yet in the results file, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', help='configuration files')
    parser.add_argument('--seeds', nargs='*', type=int, default=range(5),
                        help='none: semantic matching alone')
    parser.add_argument('--work-dir', type=Path,
                        default=Path('work_dirs/combinations'))
    parser.add_argument('--no-baseline', action='store_true',
                        help='without semantic matching')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction,
                        default={}, metavar='KEY=VALUE')
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    args.work_dir.mkdir(parents=True, exist_ok=True)
    file = args.work_dir / 'results.json'
    results = json.loads(file.read_text()) if file.is_file() else {}
    for config in args.configs:
        for seed in (*args.seeds, *([] if args.no_baseline else BASELINES)):
            key = f'{Path(config).stem} {seed}'
            if key not in results:
                results[key] = (
                    semantic_matching(config, args.cfg_options,
                                      BASELINES[seed])
                    if isinstance(seed, str) else
                    train_and_test(_merged(config, args.cfg_options), seed))
                file.write_text(json.dumps(results, indent=1))
    print('| config | method | i2t | t2i | mean | val mean |')
    print('|---|---|---|---|---|---|')
    for config in args.configs:
        stem = Path(config).stem
        for method, keys in (('CHTN', args.seeds),
                             *((name, [name]) for name in BASELINES)):
            runs = [results[f'{stem} {key}'] for key in keys
                    if f'{stem} {key}' in results]
            if runs:
                cells = [mean_and_deviation([run[figure] for run in runs])
                         for figure in (*FIGURES, 'val_mAP')]
                print(f'| {stem} | {method} | {" | ".join(cells)} |')


if __name__ == '__main__':
    main()
