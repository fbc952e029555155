"""The settings among which a benchmark may choose, stated for each method.

The first setting of a method is its default: it is taken as it is where
labels are too few to choose, and was fixed on pascal_sentences and
webnews_zh. A budget of N takes the first N. Keys are arguments of the
method; a dotted key belongs to the configuration of its training.

A variant is a method under another name, with some of its terms or without.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..methods.method_options import NO_SOURCE, source_domain

Setting = dict[str, Any]


def _posterior(first: Setting, *others: Setting) -> list[Setting]:
    """Six settings under the dot product, two of them under the cosine too.

    The first two of a posterior's settings are one fit, compared both ways.
    """
    dot = [dict(setting, similarity='dot') for setting in (first, *others)]
    cosine = [dict(setting, similarity='cosine')
              for setting in (first, others[0])]
    return [dot[0], cosine[0], dot[1], *dot[2:], cosine[1]]


def _trained(*settings: Setting) -> list[Setting]:
    """Settings of a trained method, the first at a lower rate too."""
    return [*settings, {**settings[0], 'optim_wrapper.optimizer.lr': .01}]


def _projected(**options: Any) -> list[Setting]:
    """Settings of a method that trains one projection a modality.

    The vectors have a mean square length of 1, so that their coordinates are
    small, and 400 steps of SGD hardly move layers without normalisation:
    Adam's steps know no scale. (Batch normalisation before them lifts the
    weakest principal components to the height of the first: .26 to .36 on
    pascal_sentences' validation folds, where this has .85 to .91.)
    """
    return [{'optim_wrapper.optimizer': dict(
                _delete_=True, type='AdamW', lr=rate, weight_decay=.05),
             'dropout': dropout, **options}
            for rate, dropout in ((1e-3, .2), (1e-3, .5), (3e-4, .5),
                                  (3e-3, .5))]


def _balanced(**options: Any) -> list[Setting]:
    """Settings of a contrast of pairs beside a classification.

    How much of it is good differs: at full weight .204 on web news'
    validation folds and .869 on pascal_sentences', at a tenth .434 and .857.
    """
    first, second = _projected(**options)[:2]
    return [{**first, 'contrast_weight': .1}, first,
            {**second, 'contrast_weight': .3},
            {**first, 'contrast_weight': .01}]


def _chtn(dropout: float = .5, pair: bool = True, **options: Any) -> Setting:
    """CHTN's target half on ready features: no source, no MMD."""
    widths = (256, 256)
    return {**dict(
        **NO_SOURCE, similarity='dot',
        pair=dict(type='PairwiseLoss', loss_weight=.001) if pair else None,
        image_pathway=dict(type='Pathway', widths=widths, dropout=dropout),
        common_head=dict(type='CommonHead', widths=widths)), **options}


def _variant(**options: Any) -> list[Setting]:
    """Settings of a variant of CHTN: as CHTN's own, but the pair loss."""
    rate = {'optim_wrapper.optimizer.lr': .01}
    return [_chtn(**options), {**_chtn(**options), **rate},
            _chtn(**{**options, 'dropout': .7}),
            {**_chtn(**options), 'similarity': 'cosine'}]


_SOURCE: Setting = dict(source_domain(), mmd=dict(type='MMDLoss'))


def _few_labels(**options: Any) -> list[Setting]:
    """CHTN where pairs without a class teach (docs/few_labels.md)."""
    def setting(dropout: float = .7, **teacher: float) -> Setting:
        return {**_chtn(dropout, pair=False), **options,
                'pair_teacher': dict(type='PairTeacherLoss', **teacher),
                'regression': dict(type='ClassRegression', pairs=True,
                                   share=.3),
                'train_cfg.max_iters': 300, 'param_scheduler.T_max': 300}
    return [setting(), setting(.5), setting(loss_weight=.5),
            setting(sharpen=1.)]


_CANONICAL: list[Setting] = [
    dict(dimensions=40, ridge=1.), dict(dimensions=40, ridge=.1),
    dict(dimensions=40, ridge=.3), dict(dimensions=40, ridge=3.),
    dict(dimensions=20, ridge=.1), dict(dimensions=80, ridge=.1),
    dict(dimensions=40, ridge=.03), dict(dimensions=20, ridge=1.)]

#: Method of each variant.
VARIANTS: dict[str, str] = dict.fromkeys((
    'CHTN-no-pair', 'CHTN-two-heads', 'CHTN-source', 'CHTN-source-no-MMD',
    'CHTN-source-no-pair', 'CHTN-few-labels', 'CHTN-few-labels-names'),
    'CHTN') | {'PairContrast-no-labels': 'PairContrast'}

SPACES: dict[str, list[Setting]] = {
    'SemanticMatching': _posterior(
        dict(strength_image=10., strength_text=10.),
        dict(strength_image=3., strength_text=3.),
        dict(strength_image=30., strength_text=30.),
        dict(strength_image=1., strength_text=10.),
        dict(strength_image=1., strength_text=1.),
        dict(strength_image=10., strength_text=100.)),
    'NearestClassMean': _posterior(*(dict(temperature=value) for value in (
        .1, .05, .2, .03, .4, .8))),
    'ShrunkenLDA': _posterior(
        dict(shrinkage=.9, temperature=10.),
        dict(shrinkage=.5, temperature=10.),
        dict(shrinkage=.9, temperature=3.),
        dict(shrinkage=.5, temperature=3.),
        dict(shrinkage=.2, temperature=10.),
        dict(shrinkage=.9, temperature=30.)),
    'RBFLeastSquares': _posterior(
        dict(gamma=.3, ridge=.3), dict(gamma=.3, ridge=1.),
        dict(gamma=1., ridge=.3), dict(gamma=.1, ridge=.1),
        dict(gamma=.3, ridge=.05),
        dict(gamma=.3, ridge=.3, temperature=.2)),
    'CCA': _CANONICAL,
    'ThreeViewCCA': [
        dict(dimensions=20, ridge=1.), dict(dimensions=20, ridge=.3),
        dict(dimensions=20, ridge=1., label_ridge=.1),
        dict(dimensions=20, ridge=.1), dict(dimensions=40, ridge=1.),
        dict(dimensions=20, ridge=3., label_ridge=.1),
        dict(dimensions=10, ridge=1.),
        dict(dimensions=20, ridge=.3, label_ridge=.1)],
    'ASIF': [
        dict(nearest=100, power=4.), dict(nearest=50, power=4.),
        dict(nearest=20, power=4.), dict(nearest=200, power=8.),
        dict(nearest=1000, power=2.), dict(nearest=200, power=4.),
        dict(nearest=50, power=8.), dict(nearest=100, power=2.)],
    'RidgeMap': [dict(ridge=value) for value in (
        3., 1., 10., 30., .3, 100., .1, 300.)],
    'SelfTraining': [
        dict(strength=10., threshold=.75), dict(strength=3., threshold=.75),
        dict(strength=10., threshold=.9), dict(strength=30., threshold=.9),
        dict(strength=3., threshold=.9), dict(strength=10., threshold=.6),
        dict(strength=30., threshold=.75),
        dict(strength=10., threshold=.75, similarity='cosine')],
    'KernelCCA': [dict(setting, gamma=gamma) for gamma in (.3, 1.)
                  for setting in _CANONICAL[:4]],
    'CHTN': [_chtn(), _chtn(pair=False), _chtn(dropout=.7),
             {**_chtn(), 'similarity': 'cosine'}],
    'CHTN-no-pair': _variant(pair=False),
    'CHTN-two-heads': _variant(shared_head=False),
    'CHTN-source': _variant(**_SOURCE),
    'CHTN-source-no-MMD': _variant(**source_domain()),
    'CHTN-source-no-pair': _variant(pair=False, **_SOURCE),
    'CHTN-few-labels': _few_labels(),
    'CHTN-few-labels-names': _few_labels(
        class_prior=dict(type='ClassNamePrior')),
    'DCKT': _trained(dict(), dict(dropout=.5), dict(selection=None)),
    'DeepSM': _projected(),
    'DSCMR': _projected(),
    'ACMR': _projected(representation='prob', similarity='dot'),
    'SupCon': _projected(num_classes=None),
    'PairContrast': _balanced(representation='prob', similarity='dot'),
    'PairContrast-no-labels': _projected(num_classes=None),
    'MHTN': _trained(dict(), dict(dropout=.7), dict(widths=(128, 128))),
    'DCCA': [
        {'num_classes': None, 'widths': widths,
         'train_dataloader.batch_size': 256,
         'optim_wrapper.optimizer.weight_decay': decay}
        for widths, decay in (((256, 32), 5e-3), ((32, ), 5e-3),
                              ((256, 16), 5e-3), ((32, ), 5e-2))],
}


def method_of(name: str) -> str:
    """Return the registered method that a name of the benchmark stands for.
    """
    return VARIANTS.get(name, name)


def needs_source(name: str) -> bool:
    """Whether a method's training needs a source domain."""
    return name == 'DCKT' or name.startswith('CHTN-source')


def needs_source_pairs(name: str) -> bool:
    """Whether images alone are no source for it."""
    return name == 'DCKT'


def needs_names(name: str) -> bool:
    """Whether it needs what the names of the classes tell."""
    return any('class_prior' in setting for setting in SPACES.get(name, ()))


def distinctive(name: str, setting: Setting) -> Setting:
    """Keep of a setting what the settings of its method's space differ in.

    Args:
        name: Of the method; of one that has no space here all is kept.
        setting: As it was stored, of lists where the space has tuples.

    Returns:
        Values by dotted key.
    """
    flat = [_flat(json.loads(json.dumps(one)))
            for one in SPACES.get(name, [{}])]
    mine = _flat(setting)
    return {key: value for key, value in mine.items()
            if any(one.get(key, _ABSENT) != value for one in flat)}


_ABSENT = object()


def _flat(setting: Mapping[str, Any], prefix: str = '') -> Setting:
    flat: Setting = {}
    for key, value in setting.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f'{prefix}{key}.')
        elif key != '_delete_':  # says how to merge, and sets nothing
            flat[prefix + key] = value
    return flat


def settings_of(name: str, method: Any, budget: int) -> list[Setting]:
    """Return the first settings of a method's space.

    Args:
        name: Of the method.
        method: Its class; one of a user's may have a ``space`` of its own.
        budget: How many settings.

    Returns:
        At least one: a method without a space has its defaults alone.

    Raises:
        ValueError: The budget is less than 1.
    """
    if budget < 1:
        raise ValueError(f'budget must be at least 1, got {budget}')
    space = SPACES.get(name) or getattr(method, 'space', None) or [{}]
    return [dict(setting) for setting in space[:budget]]
