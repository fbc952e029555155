"""Measure what the regression beside the network gains by a kernel.

Each configuration is what tools/make_manifest.py writes for a file of
features. The regression is fitted alone (``ClassRegression(share=1)``), to a
part of the training and validation rows that is drawn anew each time, with
centroids and without, and scored on the others by the mean MAP of both
directions (``chtn-map-all:dot``). The test split is never read.

    python benchmarks/class_scores.py configs/own_set.py --draws 8
    python benchmarks/class_scores.py configs/own_set.py --rows 250 500 1000
"""
from __future__ import annotations

import argparse
import statistics
import warnings

from chtn_plugin.evaluation import Embeddings, score_embeddings
from chtn_plugin.models.class_regression import ClassRegression

import torch
from mmengine.config import Config
from torch import Tensor

from own_data import split_rows


def mean_map(regression: ClassRegression, image: Tensor, text: Tensor,
             label: Tensor, classes: int) -> float:
    """Return the mean MAP of held-out rows by ⟨p, p⟩."""
    zeros = torch.zeros(len(label), classes)
    image, text = (regression.averaged(name, rows, zeros).softmax(1)
                   for name, rows in (('image', image), ('text', text)))
    number = label.numpy()
    scores = score_embeddings(Embeddings(
        image=image.numpy(), text=text.numpy(), image_label=number,
        text_label=number), ['chtn-map-all:dot'])
    return statistics.mean(float(score.value) for score in scores)


def main() -> None:
    """Print a row for each number of rows that are fitted to."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--draws', type=int, default=4)
    parser.add_argument('--held-out', type=float, default=.2,
                        help='share of the rows that is scored')
    parser.add_argument('--rows', type=int, nargs='+',
                        help='rows that are fitted to (default: all others)')
    parser.add_argument('--centroids', type=int, default=512)
    args = parser.parse_args()
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    print('| config | rows | linear | with the kernel | gain ± standard '
          'error |\n|---|---|---|---|---|')
    for config in args.configs:
        cfg = Config.fromfile(config)
        parts = [split_rows(cfg, split) for split in ('train', 'val')]
        image, text, label = (torch.cat([part[name] for part in parts])
                              for name in ('image', 'text', 'label'))
        held = round(args.held_out * len(label))
        for rows in args.rows or [len(label) - held]:
            scores: dict[int, list[float]] = {0: [], args.centroids: []}
            for draw in range(args.draws):
                order = torch.randperm(len(label), generator=torch.Generator()
                                       .manual_seed(draw))
                out, kept = order[:held], order[held:held + rows]
                for centroids, found in scores.items():
                    regression = ClassRegression(1., centroids=centroids)
                    regression.fit(image[kept], text[kept], label[kept],
                                   cfg.model.num_classes)
                    found.append(mean_map(
                        regression, image[out], text[out], label[out],
                        cfg.model.num_classes))
            linear, kernel = scores.values()
            gain = [one - other for one, other in
                    zip(kernel, linear, strict=True)]
            print(f'| {config} | {rows} | {statistics.mean(linear):.3f} | '
                  f'{statistics.mean(kernel):.3f} | '
                  f'{statistics.mean(gain):+.3f} ± '
                  f'{statistics.stdev(gain) / len(gain)**.5:.3f} |')


if __name__ == '__main__':
    main()
