"""CHTN, the whole story: what is computed, and what is minimised."""
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Optional

import torch
from mmengine.logging import print_log
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..checks import check_choice
from ..losses.naming import loss_name
from ..models.cross_modal_model import CrossModalModel, Encoded
from ..models.normalization import check_normalization, check_size
from ..models.pathways import linear
from ..models.supervision import check_label, check_whole_pairs, supervise
from ..models.trunk import Trunk

REPRESENTATIONS = ('prob', 'fc10', 'fc9', 'fc8', 'fc7', 'fc6')
_TERMS = ('source', 'image', 'text')
# Layers that source and target images share, and that image and text share.
_SOURCE_TAPS = ('fc6', 'fc7')
_PAIR_TAPS = ('fc6', 'fc7', 'fc8', 'fc9', 'fc10')


@MODELS.register_module()
class CHTN(CrossModalModel):
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

    With ``instance`` the representation has a second part that tells the
    items of a class apart; see
    :class:`~chtn_plugin.models.instance_maps.InstanceMaps`. It is not of the
    paper.

    A transfer loss is logged under its own name and tap: ``loss_mmd_fc6``,
    or ``loss_coral_fc6`` where a ``CORALLoss`` stands in MMD's place.

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
        instance: Config of the instance part, as
            ``dict(type='InstanceMaps')``; it needs ``similarity='dot'`` and
            the representation ``'prob'``. None: without, as released.
        similarity: ``'cosine'``, as released, or ``'dot'``: of two
            posteriors the probability that both items are of one class,
            which ranks better (docs/results.md).
        data_preprocessor: As everywhere in MMEngine.
        init_cfg: As everywhere in MMEngine.

    Raises:
        ValueError: An option is not one of those above.
    """

    paper = 'https://arxiv.org/abs/1706.00153'
    paper_title = ('Cross-modal Common Representation Learning by Hybrid '
                   'Transfer Network')
    training_only = ('source_pathway.', 'source_classifier.')
    num_classes: int

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
                 instance: Optional[dict] = None,
                 similarity: str = 'cosine',
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(num_classes, similarity, data_preprocessor,
                         init_cfg)
        check_choice('representation', representation, REPRESENTATIONS)
        if instance is not None and (similarity, representation) != (
                'dot', 'prob'):
            raise ValueError(
                'an instance part is added to the inner product of '
                "posteriors: it needs similarity='dot' and "
                f"representation='prob', got {similarity!r} and "
                f'{representation!r}')
        for name, taps, known in (('mmd_taps', mmd_taps, _SOURCE_TAPS),
                                  ('pair_taps', pair_taps, _PAIR_TAPS)):
            if set(taps) - set(known):
                raise ValueError(f'{name} must be of {list(known)}, '
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
        self.num_source_classes = num_source_classes
        self.instance: Any = None
        if instance is not None:
            self.instance = MODELS.build(dict(
                dict(image_size=self.trunk.out_features,
                     text_size=self.text_encoder.out_features), **instance))
        self._told = False

    def towers(self) -> Mapping[str, nn.Module]:
        """The trunk and the text encoder."""
        return dict(image=self.trunk, text=self.text_encoder)

    def check_source(self, meta: Mapping[str, Any]) -> Optional[str]:
        """The source classifier needs an output for every source class."""
        source = meta.get('num_source_classes')
        if (source is None or self.source_pathway is None
                or source <= self.num_source_classes):
            return None
        return ('num_source_classes must match the data: the model has '
                f'{self.num_source_classes}, the source {source}')

    def tensors(self, image: Tensor, text: Any,
                source_image: Optional[Tensor] = None
                ) -> dict[str, dict[str, Tensor]]:
        """The taps of ``source``, ``image`` and ``text``."""
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
        words = self.text_encoder(text)
        taps['image'] = self.image_pathway(features)
        taps['text'] = self.text_pathway(words)
        if self.instance is not None:
            # What the towers give; the instance part starts from there.
            taps['image']['tower'], taps['text']['tower'] = features, words
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
        label = check_label(data_samples['label'], self.num_classes)
        check_whole_pairs(data_samples)
        taps = self.tensors(**inputs)
        terms: dict[str, Tensor] = {}
        if 'source' in taps:
            source_label = check_label(data_samples['source_label'],
                                       self.num_source_classes,
                                       'source_label')
            supervise(terms, 'source', taps['source']['fc8'], source_label,
                      self.cls_weights['source'])
            if self.mmd is not None:
                for tap in self.mmd_taps:
                    terms[f'loss_{loss_name(self.mmd)}_{tap}'] = self.mmd(
                        taps['source'][tap], taps['image'][tap])
        if self.pair is not None:
            for tap in self.pair_taps:
                terms[f'loss_{loss_name(self.pair)}_{tap}'] = self.pair(
                    taps['image'][tap], taps['text'][tap])
        for name in ('image', 'text'):
            supervise(terms, name, taps[name]['fc10'], label,
                      self.cls_weights[name])
        if self.instance is not None and self.instance.loss_weight:
            terms['loss_instance'] = self.instance.loss(
                taps['image']['tower'], taps['text']['tower'],
                _things(data_samples))
        return terms

    def encode_pair(self, image: Tensor, text: Any) -> dict[str, Encoded]:
        """Both modalities, in one pass of the shared layers."""
        taps = self.tensors(image, text)
        return {name: self._encoded(name, taps[name])
                for name in ('image', 'text')}

    def encode_image(self, image: Tensor) -> Encoded:
        """The common representation of images; taps ``fc6`` to ``fc10``."""
        features = self.trunk(image)
        taps = self.image_pathway(features)
        taps.update(self.common_head(taps['fc7']), tower=features)
        return self._encoded('image', taps)

    def encode_text(self, text: Any) -> Encoded:
        """The common representation of texts; taps ``fc6`` to ``fc10``."""
        words = self.text_encoder(text)
        taps = self.text_pathway(words)
        taps.update((self.text_head or self.common_head)(taps['fc7']),
                    tower=words)
        return self._encoded('text', taps)

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

    @property
    def parts(self) -> Mapping[str, slice]:
        """``class`` and ``instance``, where it has the latter."""
        if self.instance is None:
            return {}
        end = self.num_classes + self.instance.out_features
        return {'class': slice(0, self.num_classes),
                'instance': slice(self.num_classes, end)}

    @property
    def balance(self) -> Optional[float]:
        """Share of the instance part that validation has chosen."""
        return None if self.instance is None else float(self.instance.balance)

    @property
    def nearby(self) -> Optional[float]:
        """See :attr:`CrossModalModel.nearby`."""
        if self.instance is None or float(self.instance.nearby) <= -1:
            return None
        return float(self.instance.nearby)

    def query_factors(self, balance: float) -> Tensor:
        """See :meth:`CrossModalModel.query_factors`."""
        if self.instance is None:
            return super().query_factors(balance)
        if not 0 <= balance <= 1:
            raise ValueError(f'balance must lie in 0 to 1, got {balance}')
        held = self.instance.balance
        return torch.cat([
            ((1 - balance) / (1 - held)).expand(self.num_classes),
            (balance / held).expand(self.instance.out_features)])

    @property
    def fitted_part(self) -> Optional[nn.Module]:
        """The instance part, if there is one."""
        return self.instance

    def image_features(self, image: Any) -> Tensor:
        """What the trunk makes of images, (B, D)."""
        return self.trunk(image)

    def text_features(self, text: Any) -> Tensor:
        """What the text encoder makes of texts, (B, E)."""
        return self.text_encoder(text)

    def fit(self, image: Tensor, text: Tensor,
            label: Optional[Tensor] = None) -> None:
        """Start the instance part from all training pairs; labels or not.

        Args:
            image: What the trunk makes of the N images, (N, D).
            text: What the text encoder makes of their texts, (N, E).
            label: Not used.
        """
        self.instance.fit(image, text)

    def _encoded(self, name: str, taps: dict[str, Tensor]) -> Encoded:
        logits = taps['fc10']
        # In float32: the softmax of half precision saturates, and ties.
        common = (logits.float().softmax(1) if self.representation == 'prob'
                  else taps[self.representation].float())
        if self.instance is not None:
            mapped = getattr(self.instance, f'map_{name}')(taps['tower'])
            common = self.instance.joined(common, mapped)
        return Encoded(common, logits, taps)

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


def _things(data_samples: Mapping[str, Any]) -> Optional[Tensor]:
    """Numbers of images and texts, (B, 2), by which pairs share one."""
    columns = [data_samples.get(f'same_{name}_idx',
                                data_samples.get(f'{name}_idx'))
               for name in ('image', 'text')]
    # Indices stay on the host, as arrays.
    known = [torch.as_tensor(column) for column in columns
             if column is not None]
    return torch.stack(known, 1) if known else None


def _built(config: dict, in_features: int) -> Any:
    config = deepcopy(dict(config))
    config.setdefault('in_features', in_features)
    return MODELS.build(config)
