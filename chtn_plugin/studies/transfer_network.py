"""Train CHTN's own network on drawn labels, with one part of it or another."""
from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np
from mmengine.config import Config

from ..engine.shipped_configs import shipped_configs
from ..methods.method_options import (
    NO_SOURCE,
    ready_features,
    source_domain,
)
from .config_rows import ConfigRows, quiet_log
from .fitting import forget_run, silent_run

_KEPT = ('image_pathway', 'text_pathway', 'common_head', 'shared_head')
_RECIPE = ('_base_/models/chtn_few_labels.py',
           '_base_/schedules/few_labels.py')


@dataclass(frozen=True)
class Variant:
    """What a network is trained with, beside the labelled pairs.

    Attributes:
        pairs: Unlabelled pairs teach (``PairTeacherLoss``), where there are
            any, and the regression stands beside the network, where the
            recipe has one.
        names: Names of classes (``ClassNamePrior``).
        pair_distance: Pair distance at the layers, as released.
        source: Source supervision, as released.
        mmd: MMD between source and target pictures, as released.
    """
    pairs: bool = False
    names: bool = False
    pair_distance: bool = False
    source: bool = False
    mmd: bool = False


#: By name, as reports list them.
VARIANTS: dict[str, Variant] = {
    'network': Variant(),
    'network, pair distance': Variant(pair_distance=True),
    'network, source supervision': Variant(source=True),
    'network, source supervision, MMD': Variant(source=True, mmd=True),
    'network, pairs': Variant(pairs=True),
    'network, pairs, names': Variant(pairs=True, names=True),
}


def train_network(rows: ConfigRows, label: np.ndarray, variant: Variant,
                  seed: int, prior_file: Optional[str] = None) -> Any:
    """Train under the stock Runner; the last state counts.

    Args:
        rows: Pairs as the towers encode them.
        label: Classes as the network may see them, (N,): -1 withheld, -2 a
            test row, which is not shown.
        variant: What it is trained with.
        seed: Of the run.
        prior_file: Of the class-name prior, for a variant with names.
    """
    from ..engine.launch import build_runner
    features = rows.features
    shown = label > -2
    with tempfile.TemporaryDirectory() as folder, quiet_log():
        arrays: dict[str, Any] = dict(
            image=features.image[shown], text=features.text[shown],
            label=label[shown])
        if rows.source is not None:
            arrays |= dict(F=rows.source[0], source_label=rows.source[1])
        file = Path(folder) / 'rows.npz'
        np.savez(file, **arrays)
        cfg = network_config(rows, variant, str(file), seed, prior_file,
                             bool((label == -1).any()))
        cfg.work_dir = str(Path(folder) / 'run')
        try:
            runner = build_runner(cfg)
            runner.train()
        finally:
            forget_run(cfg.experiment_name)
    return runner.model.eval()


def network_config(rows: ConfigRows, variant: Variant, file: str, seed: int,
                   prior_file: Optional[str], unlabelled: bool) -> Config:
    """Configure a run on the arrays of a file.

    Layers and schedule are those of the configuration where it is CHTN with
    a pair teacher, and those of the recipe (configs/few_labels) otherwise.

    Args:
        rows: Pairs as the towers encode them.
        variant: What the network is trained with.
        file: With ``image``, ``text`` and ``label``, and ``F`` and
            ``source_label`` where there is a source.
        seed: Of the run.
        prior_file: Of the class-name prior.
        unlabelled: Whether any training row has no class.
    """
    own = rows.config
    follows = own.model.get('type') == 'CHTN' and own.model.get(
        'pair_teacher') is not None
    recipe = own if follows else _recipe()
    model = {key: copy.deepcopy(dict(recipe.model)[key]) for key in _KEPT
             if recipe.model.get(key) is not None}
    teaches = variant.pairs and unlabelled
    model |= dict(
        type='CHTN', num_classes=len(rows.classes), similarity='dot',
        **NO_SOURCE, pair=None, **ready_features(
            'CHTN', rows.features.image.shape[1],
            rows.features.text.shape[1]))
    if variant.pair_distance:
        model['pair'] = dict(type='PairwiseLoss', loss_weight=.001)
    if variant.source:
        assert rows.source is not None
        model |= source_domain(int(rows.source[1].max()) + 1)
    if variant.mmd:
        model['mmd'] = dict(type='MMDLoss')
    if teaches:
        model['pair_teacher'] = dict(recipe.model['pair_teacher'])
    # With all labels, too: the recipe must cost nothing there.
    if variant.pairs and recipe.model.get('regression') is not None:
        model['regression'] = dict(recipe.model['regression'])
    if variant.names:
        model['class_prior'] = dict(rows.prior or {}, file=prior_file)
    names = dict(image='image', text='text', label='label')
    # Nothing is validated; without a 'val' of its own some would be cut.
    pairs = dict(type='FeaturePairDataset', file=file,
                 arrays=dict(train=names, val=names), only='labelled')
    dataset: dict[str, Any] = pairs
    if teaches or variant.source:
        dataset = dict(type='HybridTransferDataset', target=pairs)
        if teaches:
            dataset['unlabelled'] = dict(pairs, only='unlabelled')
        if variant.source:
            dataset['source'] = dict(type='SourceFeatureDataset', file=file,
                                     label='source_label')
    return silent_run(model, dataset, recipe.train_cfg['max_iters'],
                      recipe.optim_wrapper, seed, 'transfer')


def _recipe() -> Config:
    parts = [Config.fromfile(str(shipped_configs() / name))
             for name in _RECIPE]
    return Config({key: value for part in parts
                   for key, value in part.items()})
