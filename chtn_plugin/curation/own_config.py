"""Write a configuration for a user's own data, a leaf over ``_base_``."""
from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from ..datasets.manifest import LABEL_SEPARATOR, PairRecord
from ..datasets.source_images import SourceImageDataset
from ..engine.shipped_configs import PREFIX
from ..methods.method_options import source_domain
from ..models.encoder_choice import choose_encoders
from ..models.encoder_presets import ImageEncoder, TextEncoder
from ..storage.files import atomic_write

_MARK = '# Written by tools/make_manifest.py'
_LIST = 'list.txt'
# As many texts tell which script they are in.
_LOOKED_AT = 500
_SIZE = 224

_HEAD = '''#
#   python tools/train.py {path}
#   python tools/test.py {path} work_dirs/{stem}
#
{about}
_base_ = [
{bases}
]
'''


#: Labelled pairs from which wider layers are worth their training.
WIDE_FROM = 1000
#: Updates, and labelled pairs an update, where most pairs have no class: as
#: docs/few_labels.md measured. The same few rows come many times.
FEW_ITERS, FEW_BATCH = 300, 64
#: The backbone whose classifier, ImageNet's, is at hand, and the length of its
#: vectors before they are scaled to 1.
_WITH_CLASSIFIER, _LENGTH = 'EfficientNetLite0', 16
_SCRATCH = (
    'The network learns from scratch, which needs hundreds of pictures; '
    'make_manifest.py --images takes pretrained ones, docs/backbones.md has '
    'more of them.')
_FROZEN = (
    'Pretrained encoders stay as they are; what is learned stands behind '
    'them. Their weights are read when training begins, and travel in the '
    'checkpoint.')
_CACHE = '''\
# Each picture passes the network once; what comes out is kept here.
default_hooks = dict(feature_cache=dict(
    type='FeatureCacheHook', folder='data/feature_cache'))'''


def write_config(path: Path, folder: Path, manifest: str,
                 records: Sequence[PairRecord],
                 source: Optional[Path] = None,
                 images: str = 'scratch', texts: str = 'words'
                 ) -> tuple[str, str]:
    """Write a configuration that trains on a manifest as it is.

    Args:
        path: The configuration, anywhere.
        folder: Folder of the manifest and the images.
        manifest: Name of the manifest in it.
        records: Its rows.
        source: Labelled images, the source domain: class folders, or a
            folder with ``list.txt``. None: there is none.
        images: Image encoder, by any name that
            :mod:`~chtn_plugin.models.encoder_choice` knows, or ``'auto'``.
        texts: Text encoder, likewise.

    Returns:
        One line: which encoders it has, and what would be better; and how
        names of classes are turned on, empty where they are of no use.

    Raises:
        ValueError: A file is there that was not written by this function,
            or an encoder does not take images, or texts.
        FileNotFoundError: The source holds no images, or an encoder cannot
            be had.
        ImportError: An encoder's package is not installed.
    """
    check_place(path)
    train = [record for record in records
             if record.split == 'train' and record.image and record.texts]
    if len(train) < 2:
        raise ValueError('training needs at least two whole pairs, the '
                         f'training split has {len(train)}')
    sentences = [text for record in train for text in record.texts]
    image, text, line = choose_encoders(
        images, texts, sentences[::-(-len(sentences) // _LOOKED_AT)],
        1000 if len(train) < 1000 else 3000)
    classes = sorted({name for record in records for name in record.classes})
    pairs: dict[str, Any] = dict(
        data_root=written_path(folder), ann_file=manifest, classes=classes,
        text=text.transform)
    if any(len(record.classes) > 1 for record in records):
        pairs['label_separator'] = LABEL_SEPARATOR
    if image is not None and image.size != _SIZE:
        pairs['pipeline'] = [
            dict(type='LoadRGBImage', min_side=image.size),
            dict(type='ResizeShorterSide', size=image.size),
            dict(type='mmpretrain.CenterCrop', crop_size=image.size)]
    labelled = [record for record in train if record.classes]
    if len(labelled) < 2:
        raise ValueError('training needs at least two whole pairs with a '
                         f'class, the training split has {len(labelled)}')
    several = 'label_separator' in pairs
    # Some thirty passes over the pairs, within minutes on a CPU.
    max_iters = min(max(200, len(train) // 2), 2000)
    batch_size = min(64, max(2, len(labelled) // 2))
    model = _model(image, text, len(classes))
    streams: list[str] = []
    options: dict[str, Any] = {}
    few = False
    if len(labelled) < len(train):
        options['only'] = 'labelled'
        # What both sides of a pair say is one class.
        if not several:
            streams.append('unlabelled')
            few = image is not None and are_few(len(labelled), len(train))
            model.update(taught(few, text.encoder['type'] == (
                'VectorTextEncoder')))
    if few:
        max_iters, batch_size = FEW_ITERS, FEW_BATCH
    wide = image is not None and not few and len(labelled) >= WIDE_FROM
    counts = text.encoder['type'] == 'VectorTextEncoder'
    if wide:
        model.update(wide_options(counts))
    parts = [f'pairs = {literal(pairs)}']
    cached = image is not None
    if source is None:
        source_options = None
    else:
        listed, known, size = _of_source(source)
        model.update(source_domain(known),
                     mmd=dict(_delete_=True, type='MMDLoss'),
                     # Many source classes would outweigh those of the pairs.
                     cls_weights=dict(source=0.1))
        streams.append('source')
        source_options = dict(data_root=written_path(source),
                              ann_file=listed, num_classes=known)
        # Beyond the training draws it takes longer to run through them all.
        cached = cached and size <= max_iters * batch_size
    parts.append(_training(pairs, options, streams, source_options,
                           batch_size))
    if cached:
        parts.append(_CACHE)
    parts += ['val_dataloader = dict(dataset=pairs)\n'
              'test_dataloader = dict(dataset=pairs)',
              f'model = {literal(model)}', *(
                  () if few else (schedule(max_iters), ))]
    small = '_small' if image is None else ''
    if wide:
        parts.append(wide_rate(counts))
    reason = _SCRATCH if image is None else _FROZEN
    write_leaf(path, about(
        f"{line[0].upper()}{line[1:].partition(';')[0]}. {reason}"), [
        f'datasets/own_pairs{small}.py',
        f'models/own{small or "_frozen"}{size_of_leaf(few, wide)}.py'],
        parts, few)
    return line, '' if image is None or not few else names_advice(
        path, image.backbone, text.encoder, text.name)


def are_few(labelled: int, total: int) -> bool:
    """Whether most of so many training pairs have no class."""
    return 2 * labelled < total


def size_of_leaf(few: bool, wide: bool) -> str:
    """Return the end of the name of the model's piece of ``_base_``."""
    return '_few' if few else '_wide' if wide else ''


def check_place(path: Path) -> None:
    """Refuse a place where a leaf cannot stand.

    Raises:
        ValueError: A file is there that was not written by this tool.
    """
    if path.exists() and not _is_ours(path):
        raise ValueError(f'{path} was not written by this tool, or is yours '
                         'by now: choose another --config')


def write_leaf(path: Path, comment: str, bases: Sequence[str],
               parts: Sequence[str], few: bool = False) -> None:
    """Write a configuration over pieces of ``_base_``.

    Args:
        path: The configuration.
        comment: Lines that say what it is.
        bases: Model and data set, in ``_base_``; the schedule and runtime
            come with them. They are those beside the configuration, or else
            the package's.
        parts: Passages of Python.
        few: Whether it has the schedule of few labels.
    """
    bases = [*bases, f'schedules/own{size_of_leaf(few, False)}.py',
             'default_runtime.py']
    beside = all((path.parent / '_base_' / base).is_file() for base in bases)
    place = '' if beside else PREFIX
    head = _HEAD.format(path=path.as_posix(), stem=path.stem, about=comment,
                        bases='\n'.join(f"    '{place}_base_/{base}',"
                                        for base in bases))
    text = '\n'.join([head, *(f'{part}\n' for part in parts)])
    with atomic_write(path, 'w', encoding='utf-8') as file:
        file.write(f'{_stamp(text)}\n{text}')


def schedule(max_iters: int) -> str:
    """Return the passage that sets a number of iterations."""
    return (f'max_iters = {max_iters}\n'
            'param_scheduler = dict(T_max=max_iters)\n'
            'train_cfg = dict(max_iters=max_iters, '
            'val_interval=max_iters // 2)')


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


def about(line: str) -> str:
    """Return the comment at the head of a leaf, wrapped.

    Args:
        line: Sentences.
    """
    return '\n'.join(_wrapped(line, '# '))


def _model(image: Optional[ImageEncoder], text: TextEncoder,
           num_classes: int) -> dict[str, Any]:
    model: dict[str, Any] = dict(num_classes=num_classes)
    if image is not None:
        model.update(backbone=image.backbone, pooling=image.pooling)
        if image.size != _SIZE:
            model['input_shape'] = (3, image.size, image.size)
        model['data_preprocessor'] = dict(mean=list(image.mean),
                                          std=list(image.std))
    return dict(model, text_encoder=text.encoder)


def _training(pairs: dict[str, Any], options: dict[str, Any],
              streams: Sequence[str], source: Optional[dict[str, Any]],
              batch_size: int) -> str:
    """The passage of what is trained on, and what joins it."""
    if not streams:
        made = 'pairs' if not options else f'dict(pairs, {_flat(options)[5:]}'
        return (f'train_dataloader = dict(batch_size={batch_size}, '
                f'dataset={made})')
    # {{...}} is MMEngine's, for a variable of a base.
    pipeline = ("pairs['pipeline']" if 'pipeline' in pairs
                else '{{_base_.train_pipeline}}')
    parts = []
    if source is not None:
        parts.append(f'''\
# The source domain: labelled pictures, a batch of them beside each of pairs.
source = dict(type='SourceImageDataset', pipeline={pipeline})
source.update({literal(source)})''')
    parts.append(f'''\
target = dict(
    pairs, type='CrossModalDataset', split='train', unpaired='drop',
    text_mode='join', pipeline={pipeline})''')
    if 'unlabelled' in streams:
        parts.append('''\
# Pairs without a class: what is sure of one side teaches the other
# (docs/few_labels.md).
unlabelled = dict(target, only='unlabelled')''')
    if options:
        parts.append(f'target.update({_flat(options)[5:]}')
    joined = ', '.join(f'{name}={name}' for name in ('source', 'unlabelled')
                       if name in streams)
    parts.append(f'''\
train_dataloader = dict(batch_size={batch_size}, dataset=dict(
    _delete_=True, type='HybridTransferDataset', target=target,
    {joined}))''')
    return '\n'.join(parts)


def literal(value: Any, indent: int = 0, used: int = 12) -> str:
    """Write a plain value as Python, in lines of 79 characters at most.

    Args:
        value: Dictionaries with keys that are names, lists, plain values.
        indent: Columns before each further line.
        used: Columns of the first line that are taken.
    """
    flat = _flat(value)
    if (len(flat) + used + indent <= 78 or not value
            or not isinstance(value, (dict, list, tuple))):
        return flat
    inner = indent + 4
    if isinstance(value, dict):
        lines = [f'{" " * inner}{key}='
                 f'{literal(item, inner, len(key) + 2)}'
                 for key, item in value.items()]
        return 'dict(\n' + ',\n'.join(lines) + ')'
    if all(isinstance(item, (str, int, float)) for item in value):
        lines = _wrapped(', '.join(map(_flat, value)), ' ' * inner,
                         [_flat(item) for item in value])
    else:
        lines = [f'{" " * inner}{literal(item, inner, 2)},'
                 for item in value]
    return '[\n' + '\n'.join(lines) + '\n' + ' ' * indent + ']'


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return 'dict(' + ', '.join(f'{key}={_flat(item)}' for key, item
                                   in value.items()) + ')'
    if isinstance(value, list):
        return '[' + ', '.join(map(_flat, value)) + ']'
    # MMEngine expands {{...}} in a configuration, in its strings too.
    return repr(value).replace('{{', '{\\x7b')


def _wrapped(text: str, start: str,
             items: Optional[Sequence[str]] = None) -> list[str]:
    """Lines of words, or of items with commas behind them."""
    words = text.split() if items is None else [f'{item},' for item in items]
    lines = [start + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) > 79:
            lines.append(start + word)
        else:
            lines[-1] += f' {word}'
    return lines


def _stamp(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f'{_MARK} [{digest}], and replaced until edited.'


def _is_ours(path: Path) -> bool:
    """Whether a configuration is as this tool wrote it.

    Its first line has the hash of what follows. Earlier versions asked users
    to take that line out of what they edit.
    """
    first, _, text = path.read_text(encoding='utf-8',
                                    errors='replace').partition('\n')
    return first in (_stamp(text), f'{_MARK}; edit it as you like, then take '
                     'out this line.')


def _of_source(folder: Path) -> tuple[str, int, int]:
    """Return the list of a source domain, its classes and its pictures."""
    listed = _LIST if (folder / _LIST).is_file() else ''
    dataset = SourceImageDataset(str(folder), [], listed, hint='Name a '
                                 'folder of labelled images with --source')
    return listed, dataset.metainfo['num_classes'], len(dataset)


def written_path(folder: Path) -> str:
    """Return a path as a run from here finds it."""
    relative = os.path.relpath(folder)
    return (str(folder.resolve()) if relative.startswith('..') else
            Path(relative).as_posix())
