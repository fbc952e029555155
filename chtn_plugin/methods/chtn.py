"""CHTN, the whole story: what is computed, and what is minimised."""
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Optional

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from torch import Tensor

from ..models.normalization import check_normalization, check_size
from ..models.pathways import linear
from ..models.trunk import Trunk

REPRESENTATIONS = ('prob', 'fc10', 'fc9', 'fc8', 'fc7', 'fc6')
_TERMS = ('source', 'image', 'text')


@MODELS.register_module()
class CHTN(BaseModel):
    """Cross-modal Hybrid Transfer Network (https://arxiv.org/abs/1706.00153).

    A labelled image collection, the source domain, transfers to both
    modalities of a small collection of image/text pairs, the target domain:

    - *Modal-sharing transfer subnetwork.* Source and target images pass the
      trunk in one batch, then pathways fc6–fc7 of their own, which MMD pulls
      together (single-modal transfer). The text has a pathway fc6–fc7 too,
      which the pairwise distance pulls to the image's (cross-modal transfer).
    - *Layer-sharing correlation subnetwork.* fc7 of image and text go through
      the same fc8–fc9–fc10 under the pairs' class labels.

    The defaults are those of the authors' release. Common representation:
    softmax of fc10.

    Args:
        num_classes: Number C of target classes.
        backbone: Config of the trunk's backbone; None where images are ready
            features.
        input_shape: Shape of one image, or (D,) of ready features.
        trunk_mode: ``'adapt'``, ``'train'`` or ``'frozen'``; see
            :class:`Trunk`.
        pooling: How its output becomes a vector; see :class:`Trunk`.
        trunk: Further arguments of :class:`Trunk`: ``frozen``, ``stages``,
            ``norm_eval``, ``checkpointing``, ``normalization``.
        text_encoder: What turns the text input into a vector.
        image_pathway: fc6–fc7 of the target images.
        text_pathway: fc6–fc7 of the texts; None: as the image's.
        source_pathway: fc6–fc7 of the source images; ``'image'``: as the
            target image's; None: no source domain.
        num_source_classes: Number of source classes.
        common_head: fc8–fc10.
        shared_head: Whether both modalities share it. False gives each its
            own, the ablation of the layer-sharing subnetwork.
        mmd: Single-modal transfer loss; None: without.
        mmd_taps: Taps it stands at.
        pair: Cross-modal transfer loss; None: without.
        pair_taps: Taps it stands at.
        cls_weights: Weights of the three cross entropies, ``source``,
            ``image`` and ``text``.
        representation: Common representation: ``'prob'``, ``'fc10'`` (the
            logits), or a tap ``'fc9'`` to ``'fc6'``.
        data_preprocessor: As everywhere in MMEngine.
        init_cfg: As everywhere in MMEngine.

    Raises:
        ValueError: An option is not one of those above.
    """

    def __init__(self,
                 num_classes: int,
                 backbone: Optional[dict] = None,
                 input_shape: Sequence[int] = (3, 224, 224),
                 trunk_mode: str = 'adapt',
                 pooling: str = 'flatten',
                 trunk: Optional[dict] = None,
                 text_encoder: Optional[dict] = None,
                 image_pathway: Optional[dict] = None,
                 text_pathway: Optional[dict] = None,
                 source_pathway: Optional[dict | str] = 'image',
                 num_source_classes: int = 1000,
                 common_head: Optional[dict] = None,
                 shared_head: bool = True,
                 mmd: Optional[dict] = dict(type='MMDLoss'),  # noqa: B006
                 mmd_taps: Sequence[str] = ('fc6', 'fc7'),
                 pair: Optional[dict] = dict(type='PairwiseLoss'),  # noqa: B006
                 pair_taps: Sequence[str] = ('fc6', 'fc7'),
                 cls_weights: Optional[Mapping[str, float]] = None,
                 representation: str = 'prob',
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            data_preprocessor or dict(type='CrossModalDataPreprocessor'),
            init_cfg)
        if representation not in REPRESENTATIONS:
            raise ValueError('representation must be one of '
                             f'{list(REPRESENTATIONS)}, got '
                             f'{representation!r}')
        for name, taps in (('mmd_taps', mmd_taps), ('pair_taps', pair_taps)):
            if set(taps) - {'fc6', 'fc7'}:
                raise ValueError(f"{name} must be of 'fc6' and 'fc7', "
                                 f'got {list(taps)}')
        self.cls_weights = dict.fromkeys(_TERMS, 1.0)
        if set(cls_weights or ()) - set(_TERMS):
            raise ValueError(f'cls_weights must be of {list(_TERMS)}, '
                             f'got {list(cls_weights or ())}')
        self.cls_weights.update(cls_weights or {})
        self.representation = representation
        self.mmd_taps = tuple(mmd_taps)
        self.pair_taps = tuple(pair_taps)

        self.trunk = Trunk(backbone, input_shape, trunk_mode, pooling,
                           **(trunk or {}))
        check_normalization(self.trunk.expected, self.data_preprocessor)
        check_size(self.trunk.expected, input_shape)
        self.text_encoder = MODELS.build(
            text_encoder or dict(type='VectorTextEncoder'))
        image_pathway = image_pathway or dict(type='Pathway')
        width = self.trunk.out_features
        self.image_pathway = _built(image_pathway, width)
        self.text_pathway = _built(text_pathway or image_pathway,
                                   self.text_encoder.out_features)
        self.source_pathway: Any = None
        if isinstance(source_pathway, str):
            if source_pathway != 'image':
                raise ValueError("source_pathway must be 'image', a "
                                 'configuration or None, got '
                                 f'{source_pathway!r}')
            source_pathway = image_pathway
        if source_pathway is not None:
            self.source_pathway = _built(source_pathway, width)
            self.source_classifier = linear(self.source_pathway.out_features,
                                            num_source_classes)
        head = dict(common_head or dict(type='CommonHead'),
                    num_classes=num_classes)
        width = self.image_pathway.out_features
        if self.text_pathway.out_features != width:
            raise ValueError(
                'fc7 of image and text must have one size, got '
                f'{width} and {self.text_pathway.out_features}')
        self.common_head = _built(head, width)
        self.text_head: Any = None if shared_head else _built(head, width)
        self.mmd = None if mmd is None else MODELS.build(mmd)
        self.pair = None if pair is None else MODELS.build(pair)
        self.num_classes = num_classes
        self.num_source_classes = num_source_classes
        self._told = False

    def forward(self, inputs: dict[str, Any],
                data_samples: Optional[dict[str, Tensor]] = None,
                mode: str = 'tensor') -> Any:
        """One batch, as the data preprocessor returns it.

        Args:
            inputs: ``image`` (B, ...), ``text`` (B, ...) or a dictionary of
                such, and in training ``source_image`` (S, ...).
            data_samples: ``label`` (B,) class indices, or (B, C) multi-hot;
                ``sample_idx``, ``image_idx``, ``text_idx`` (B,), -1 where an
                item lacks the image or text; in training ``source_label``
                (S,).
            mode: ``'tensor'``: the taps of ``source``, ``image`` and
                ``text``. ``'loss'``: one flat dictionary of losses and
                accuracies. ``'predict'``: a list with one dictionary an item:
                its data samples, ``image_repr`` and ``text_repr``, (D,)
                float32, None where it lacks the modality.

        Raises:
            ValueError: The mode is unknown.
        """
        if mode == 'tensor':
            return self._taps(**inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples or {})
        if mode == 'predict':
            return self.predict(inputs, data_samples or {})
        raise ValueError("mode must be 'tensor', 'loss' or 'predict', "
                         f'got {mode!r}')

    def _taps(self, image: Tensor, text: Any,
              source_image: Optional[Tensor] = None
              ) -> dict[str, dict[str, Tensor]]:
        taps = {}
        if source_image is None or self.source_pathway is None:
            features = self.trunk(image)
        else:
            if source_image.shape[1:] != image.shape[1:]:
                raise ValueError('source and target images must have one '
                                 f'shape, got {tuple(source_image.shape[1:])}'
                                 f' and {tuple(image.shape[1:])}')
            source, features = self.trunk(
                torch.cat([source_image, image])).split(
                    [len(source_image), len(image)])
            taps['source'] = self.source_pathway(source)
            taps['source']['fc8'] = self.source_classifier(
                taps['source']['fc7'])
        taps['image'] = self.image_pathway(features)
        taps['text'] = self.text_pathway(self.text_encoder(text))
        if self.text_head is None:
            both = self.common_head(
                torch.cat([taps['image']['fc7'], taps['text']['fc7']]))
            sizes = [len(taps['image']['fc7']), len(taps['text']['fc7'])]
            for name, value in both.items():
                taps['image'][name], taps['text'][name] = value.split(sizes)
        else:
            taps['image'].update(self.common_head(taps['image']['fc7']))
            taps['text'].update(self.text_head(taps['text']['fc7']))
        return taps

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Tensor]) -> dict[str, Tensor]:
        """The loss terms, each times its weight, and the accuracies."""
        self._tell_once('source_image' in inputs)
        label = data_samples['label']
        label = self._checked(label, self.num_classes, 'label')
        has_image, has_text = (_present(data_samples, name)
                               for name in ('image_idx', 'text_idx'))
        if has_image is not None or has_text is not None:
            raise ValueError(
                'training needs whole pairs: this batch has '
                f'{_count_missing(has_image)} without image and '
                f"{_count_missing(has_text)} without text; unpaired='drop' "
                'in the training data set leaves them out')
        taps = self._taps(**inputs)
        terms: dict[str, Tensor] = {}
        if 'source' in taps:
            source_label = self._checked(data_samples['source_label'],
                                         self.num_source_classes,
                                         'source_label')
            _supervise(terms, 'source', taps['source']['fc8'], source_label,
                       self.cls_weights['source'])
            if self.mmd is not None:
                for tap in self.mmd_taps:
                    terms[f'loss_mmd_{tap}'] = self.mmd(taps['source'][tap],
                                                        taps['image'][tap])
        if self.pair is not None:
            for tap in self.pair_taps:
                terms[f'loss_pair_{tap}'] = self.pair(taps['image'][tap],
                                                      taps['text'][tap])
        for name in ('image', 'text'):
            _supervise(terms, name, taps[name]['fc10'], label,
                       self.cls_weights[name])
        return terms

    def predict(self, inputs: dict[str, Any],
                data_samples: dict[str, Tensor]) -> list[dict[str, Any]]:
        """The common representation of each item's image and text."""
        taps = self._taps(inputs['image'], inputs['text'])
        image, text = (self._represented(taps[name])
                       for name in ('image', 'text'))
        has_image, has_text = (_present(data_samples, name)
                               for name in ('image_idx', 'text_idx'))
        items = []
        for row in range(len(data_samples['sample_idx'])):
            item: dict[str, Any] = {name: value[row] for name, value
                                    in data_samples.items()}
            for name in ('sample_idx', 'image_idx', 'text_idx'):
                item[name] = int(item[name])
            item['image_repr'] = (image[row] if has_image is None
                                  or has_image[row] else None)
            item['text_repr'] = (text[row] if has_text is None
                                 or has_text[row] else None)
            items.append(item)
        return items

    def encode_image(self, image: Tensor) -> dict[str, Tensor]:
        """Taps of preprocessed images alone, and ``repr``, (B, D)."""
        taps = self.image_pathway(self.trunk(image))
        taps.update(self.common_head(taps['fc7']))
        return dict(taps, repr=self._represented(taps))

    def encode_text(self, text: Any) -> dict[str, Tensor]:
        """Taps of encoded texts alone, and ``repr``, (B, D)."""
        taps = self.text_pathway(self.text_encoder(text))
        taps.update((self.text_head or self.common_head)(taps['fc7']))
        return dict(taps, repr=self._represented(taps))

    def get_layer_depth(self, param_name: str) -> tuple[int, int]:
        """Depth of a parameter, and how many depths there are.

        For mmpretrain's ``LearningRateDecayOptimWrapperConstructor``: the
        backbone's own depths, all behind it as deep as its last.

        Raises:
            NotImplementedError: The backbone does not know its depths.
        """
        backbone: Any = self.trunk.backbone
        if not hasattr(backbone, 'get_layer_depth'):
            raise NotImplementedError(
                'layer-wise learning rates need a backbone with '
                f'get_layer_depth: {type(backbone).__name__} has none')
        return backbone.get_layer_depth(param_name, 'trunk.backbone.')

    def _represented(self, taps: dict[str, Tensor]) -> Tensor:
        # In float32: the softmax of half precision saturates, and ties.
        if self.representation == 'prob':
            return taps['fc10'].float().softmax(1)
        return taps[self.representation].float()

    def _checked(self, label: Tensor, num_classes: int, name: str) -> Tensor:
        if label.dim() == 1:
            # On a GPU the check would wait for it; there the loss asserts.
            if label.device.type == 'cpu' and len(label) and not (
                    0 <= int(label.min()) <= int(label.max()) < num_classes):
                raise ValueError(
                    f'{name} must be below {num_classes}, the classes of '
                    f'the model: got {int(label.max())} (least '
                    f'{int(label.min())})')
            return label
        if label.shape[1] != num_classes:
            raise ValueError(f'{name} must have {num_classes} columns, one a '
                             f'class of the model: got {label.shape[1]}')
        return label / label.sum(1, keepdim=True)

    def _tell_once(self, has_source: bool) -> None:
        if self._told:
            return
        self._told = True
        if not has_source or self.source_pathway is None:
            lacking = ('the batches hold no source images'
                       if self.source_pathway is not None else
                       'the model has no source pathway')
            print_log(f'CHTN trains without its source domain ({lacking}): '
                      'no source supervision, no MMD.', logger='current',
                      level=logging.WARNING)


def _built(config: dict, in_features: int) -> Any:
    config = deepcopy(dict(config))
    config.setdefault('in_features', in_features)
    return MODELS.build(config)


def _present(data_samples: dict[str, Tensor], name: str) -> Optional[Tensor]:
    """Which items have the modality; None where all have."""
    indices = data_samples.get(name)
    if indices is None or bool((indices >= 0).all()):
        return None
    return indices >= 0


def _count_missing(present: Optional[Tensor]) -> int:
    return 0 if present is None else int((~present).sum())


def _supervise(terms: dict[str, Tensor], name: str, logits: Tensor,
               label: Tensor, weight: float) -> None:
    """Add the cross entropy and, to be logged, the accuracy."""
    terms[f'loss_cls_{name}'] = weight * F.cross_entropy(logits.float(),
                                                         label)
    top = logits.detach().argmax(1)
    hit = top == label if label.dim() == 1 else label.gather(
        1, top[:, None]) > 0
    terms[f'accuracy_{name}'] = hit.float().mean()
