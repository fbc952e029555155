"""Which settings a user's own data get, by what they are."""
from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

#: Labelled pairs from which wider layers are worth their training.
WIDE_FROM = 1000
#: Updates, and labelled pairs an update, where most pairs have no class: as
#: docs/few_labels.md measured. The same few rows come many times.
FEW_ITERS, FEW_BATCH = 300, 64
#: The backbone whose classifier, ImageNet's, is at hand, and the length of its
#: vectors before they are scaled to 1.
_WITH_CLASSIFIER, _LENGTH = 'EfficientNetLite0', 16


def are_few(labelled: int, total: int) -> bool:
    """Whether most of so many training pairs have no class."""
    return 2 * labelled < total


def size_of_leaf(few: bool, wide: bool) -> str:
    """Return the end of the name of the model's piece of ``_base_``."""
    return '_few' if few else '_wide' if wide else ''


def taught(few: bool, counts_words: bool) -> dict[str, Any]:
    """Return the options of a model that pairs without a class teach too.

    Args:
        few: Whether its base is that of few labels, which has them already.
        counts_words: Whether texts are weighted words, thousands of numbers.
    """
    if not few:
        return dict(similarity='dot',
                    pair_teacher=dict(type='PairTeacherLoss'))
    # Words that a few labelled texts have by chance would be learned by heart.
    return dict(text_pathway=dict(
        type='Pathway', widths=[256, 256], dropout=0.7,
        input_dropout=0.3)) if counts_words else {}


def wide_options(counts_words: bool) -> dict[str, Any]:
    """Return the options of a model of many labelled pairs.

    Args:
        counts_words: Whether texts are weighted words, thousands of numbers.
    """
    # Maps of so many numbers learn the training pairs by heart: a stronger
    # ridge and slower steps find more new ones (docs/results.md).
    return dict(instance=dict(ridge=3.0)) if counts_words else {}


def wide_rate(counts_words: bool) -> str:
    """Return the passage that sets the rates of such a model.

    Args:
        counts_words: As for :func:`wide_options`.
    """
    if not counts_words:
        return 'optim_wrapper = dict(optimizer=dict(lr=0.03))'
    return ('optim_wrapper = dict(\n    optimizer=dict(lr=0.03),\n'
            '    paramwise_cfg=dict(custom_keys=dict('
            'instance=dict(lr_mult=0.3))))')


def names_advice(config: Path, backbone: Optional[Mapping[str, Any]],
                 text: Mapping[str, Any], texts: str) -> str:
    """Say how names of classes are turned on; empty where they cannot be.

    Args:
        config: The configuration, in which most pairs lack a class.
        backbone: Of its pictures, None where they have none; ImageNet's
            classifier on their vectors is at hand for one.
        text: Config of its text encoder.
        texts: Name of the text encoder.
    """
    if (backbone or {}).get('type') != _WITH_CLASSIFIER:
        return ''
    run = shlex.quote(str(config))
    prior = shlex.quote(str(config.with_name(f'{config.stem}_names.npz')))
    reads = text.get('type') == 'HFTextEncoder'
    make = f'python tools/make_class_prior.py {prior} --config {run}'
    if reads and texts not in ('auto', 'offline'):
        make += f' --texts {shlex.quote(texts)}'
    return ('where a class has few labels its name may help '
            f'(docs/few_labels.md):\n  {make}\n'
            f'  python tools/train.py {run} --cfg-options '
            'model.class_prior.type=ClassNamePrior '
            f'model.class_prior.file={prior} '
            f'model.class_prior.scale={_LENGTH}'
            + (' model.class_prior.text_weight=1' if reads else ''))
