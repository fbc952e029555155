"""Is what the source domain teaches of any use to the target's classes?

Trains the trunk of a configuration in four ways, each with the same number of
updates: not at all, on the source's labels alone, on the target's pairs alone
(no transfer term), and on both (CHTN). Then fits a logistic regression to the
trunk's features of the target's training images, and reports its accuracy on
the test images. Where the source's features do no better than the target's
own, CHTN has nothing to transfer, and its transfer terms cannot help.

    python benchmarks/source_probe.py configs/chtn_demo.py --fraction 0.1
"""
from __future__ import annotations

import argparse
import tempfile

import chtn_plugin  # noqa: F401  (first: see its __init__)

import torch
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from ablation import VARIANTS
from runs import mean_and_deviation, quiet

TRAININGS = {
    'untrained': None,
    'source alone': {'model.mmd': None, 'model.pair': None,
                     'model.cls_weights.image': 0.0,
                     'model.cls_weights.text': 0.0},
    'target alone': VARIANTS['no-transfer'],
    'both (CHTN)': VARIANTS['full'],
}


@torch.no_grad()
def features(model, dataset_cfg: dict, **changes) -> tuple:
    """Trunk features and labels of a data set."""
    dataset = DATASETS.build(dict(dataset_cfg, **changes))
    parts, labels = [], []
    for start in range(0, len(dataset), 256):
        rows = range(start, min(start + 256, len(dataset)))
        batch = model.data_preprocessor(dataset.__getitems__(list(rows)))
        parts.append(model.trunk(batch['inputs']['image']))
        labels.append(batch['data_samples']['label'])
    return torch.cat(parts).numpy(), torch.cat(labels).numpy()


def probe(config: str, changes: dict | None, seed: int, fraction: float
          ) -> float:
    """Train, then the accuracy of a logistic regression on the trunk."""
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(changes or {})
    cfg.train_dataloader.dataset.target.fraction = fraction
    cfg.default_hooks.checkpoint = None
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    test = cfg.test_dataloader.dataset
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner.from_cfg(quiet(cfg, seed, folder))
        if changes is not None:
            runner.train()
        model = runner.model.eval()
        train_x, train_y = features(model, test, split='train',
                                    fraction=fraction)
        test_x, test_y = features(model, test, fraction=fraction)
    regression = make_pipeline(StandardScaler(),
                               LogisticRegression(C=0.01, max_iter=1000))
    return regression.fit(train_x, train_y).score(test_x, test_y)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--fraction', type=float, default=0.1,
                        help='share of the training pairs')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f'| trunk trained on | accuracy, {args.fraction:.0%} of the labels '
          f'({len(args.seeds)} seeds) |\n|---|---|')
    for name, changes in tqdm(TRAININGS.items(), disable=None):
        values = [probe(args.config, changes, seed, args.fraction)
                  for seed in args.seeds]
        print(f'| {name} | {mean_and_deviation(values)} |', flush=True)


if __name__ == '__main__':
    main()
