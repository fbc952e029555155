"""Write a configuration for a user's own ready features."""
from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

from ..datasets.feature_pairs import FeaturePairDataset, label_splits
from ..storage.arrays import ArrayFile
from .config_writing import (
    about,
    check_place,
    literal,
    schedule,
    write_leaf,
    written_path,
)
from .own_recipe import (
    FEW_BATCH,
    WIDE_FROM,
    are_few,
    names_advice,
    size_of_leaf,
    taught,
    wide_options,
    wide_rate,
)

# Text vectors of so many numbers count words; encoders give fewer.
_WORDS = 2000


def write_features_config(config: Path, file: str | Path,
                          say: Callable[[str], None] = print) -> None:
    """Write a configuration that trains on a file of features.

    Args:
        config: The configuration, anywhere.
        file: What tools/extract_features.py wrote, or an ``.npz`` with such
            arrays (see :class:`FeaturePairDataset`).
        say: Receives the numbers of rows, and what to do next.

    Raises:
        FileNotFoundError: There is no such file.
        KeyError, ValueError: The file has no such arrays, or the
            configuration is the user's own.
    """
    check_place(config)
    file = Path(file)
    parts = {split: FeaturePairDataset(str(file), split=split)
             for split in ('train', 'val')}
    if 'test' in label_splits(ArrayFile(file)):
        parts['test'] = FeaturePairDataset(str(file), split='test')
    train = parts['train']
    sizes = {name: value.shape[1] for name, value in train.inputs.items()}
    classes = train.metainfo['classes']
    labelled = FeaturePairDataset(str(file), only='labelled')
    teaches = len(labelled) < len(train) and not train.has_several
    few = teaches and are_few(len(labelled), len(train))
    batch_size = FEW_BATCH if few else min(64, max(2, len(labelled) // 2))
    loaders = [_training(batch_size, len(labelled) < len(train), teaches),
               'val_dataloader = dict(dataset=features)']
    loaders.append(
        'test_dataloader = dict(dataset=features)' if 'test' in parts else
        '# The file has no test split: the validation split is scored.\n'
        "test_dataloader = dict(dataset=dict(features, split='val'))")
    model = dict(
        num_classes=len(classes), input_shape=(sizes['image'], ),
        text_encoder=dict(type='VectorTextEncoder',
                          out_features=sizes['text'], norm=None))
    if teaches:
        model.update(taught(few, sizes['text'] >= _WORDS))
    max_iters = min(max(200, len(train) // 2), 2000)
    wide = not few and len(labelled) >= WIDE_FROM
    if wide:
        model.update(wide_options(sizes['text'] >= _WORDS))
    write_leaf(
        config, about(f'Ready features of {file.name}.'),
        ['datasets/own_features.py',
         f'models/own_features{size_of_leaf(few, wide)}.py'],
        [f'features = {literal(dict(file=written_path(file)))}',
         '\n'.join(loaders), f'model = {literal(model)}',
         *(() if few else (schedule(max_iters), )),
         *([wide_rate(sizes['text'] >= _WORDS)] if wide else [])], few)
    say(f'{file}: ' + ', '.join(f'{split} {len(part)}' for split, part
                                in parts.items())
        + (f', {len(train) - len(labelled)} of train without a class'
           if len(labelled) < len(train) else '')
        + f'; {len(classes)} classes, images of {sizes["image"]} and texts '
        f'of {sizes["text"]} numbers')
    name = shlex.quote(str(config))
    run = shlex.quote(f'work_dirs/{config.stem}')
    say(f'wrote {config}\n\nnext:\n  python tools/train.py {name}\n'
        f'  python tools/test.py {name} {run}')
    advice = _names_advice(config, file) if few else ''
    if advice:
        say(advice)


def _names_advice(config: Path, file: Path) -> str:
    """How names are turned on, where the file says who made its vectors."""
    arrays = ArrayFile(file)
    if 'meta' not in arrays:
        return ''
    try:
        made = json.loads(str(arrays['meta'].item()))
        return names_advice(config, made['backbone'], made['text_encoder'],
                            made['texts'])
    except (ValueError, TypeError, KeyError):
        return ''  # of some other tool


def _training(batch_size: int, lacks: bool, teaches: bool) -> str:
    """The passage of the training data, where some pairs may lack a class."""
    if not teaches:
        made = "dict(features, only='labelled')" if lacks else 'features'
        return (f'train_dataloader = dict(batch_size={batch_size}, '
                f'dataset={made})')
    return f'''\
# Pairs without a class: what is sure of one side teaches the other
# (docs/few_labels.md).
unlabelled = dict(
    features, type='FeaturePairDataset', only='unlabelled',
    l2_normalized=('image', 'text'))
train_dataloader = dict(batch_size={batch_size}, dataset=dict(
    _delete_=True, type='HybridTransferDataset',
    target=dict(unlabelled, only='labelled'), unlabelled=unlabelled))'''
