"""Write a configuration for a user's own data, a leaf over ``_base_``."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from ..datasets.manifest import LABEL_SEPARATOR, PairRecord
from ..datasets.source_images import SourceImageDataset
from ..methods.method_options import source_domain
from ..models.encoder_choice import choose_encoders
from ..models.encoder_presets import ImageEncoder, TextEncoder
from .config_writing import (
    about,
    check_place,
    flat,
    literal,
    schedule,
    write_leaf,
    written_path,
)
from .own_recipe import (
    FEW_BATCH,
    FEW_ITERS,
    WIDE_FROM,
    are_few,
    names_advice,
    size_of_leaf,
    taught,
    wide_options,
    wide_rate,
)

_LIST = 'list.txt'
# As many texts tell which script they are in.
_LOOKED_AT = 500
_SIZE = 224
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
        made = 'pairs' if not options else f'dict(pairs, {flat(options)[5:]}'
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
        parts.append(f'target.update({flat(options)[5:]}')
    joined = ', '.join(f'{name}={name}' for name in ('source', 'unlabelled')
                       if name in streams)
    parts.append(f'''\
train_dataloader = dict(batch_size={batch_size}, dataset=dict(
    _delete_=True, type='HybridTransferDataset', target=target,
    {joined}))''')
    return '\n'.join(parts)


def _of_source(folder: Path) -> tuple[str, int, int]:
    """Return the list of a source domain, its classes and its pictures."""
    listed = _LIST if (folder / _LIST).is_file() else ''
    dataset = SourceImageDataset(str(folder), [], listed, hint='Name a '
                                 'folder of labelled images with --source')
    return listed, dataset.metainfo['num_classes'], len(dataset)
