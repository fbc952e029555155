"""CHTN, the method of the paper: what it computes and what it minimises."""
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
# Added to the numbers of a second data set, below what float64 holds.
_OTHER_DATA_SET = 1 << 40
# Layers shared by source and target images, and by image and text.
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
        pair_teacher: Loss of pairs that have no class, as
            ``dict(type='PairTeacherLoss')``; the batches then hold
            ``unlabelled_image`` and ``unlabelled_text``, as
            :class:`~chtn_plugin.datasets.HybridTransferDataset` with
            ``unlabelled`` makes them. Needs data of one class a pair. None:
            without; it is not of the paper.
        class_prior: What the names of classes tell, as
            ``dict(type='ClassNamePrior', file=...)``: offsets on fc10, in
            training and in use. ``FitHook`` fits it. None: without; it is
            not of the paper.
        instance: Config of the instance part, as
            ``dict(type='InstanceMaps')``; it needs ``similarity='dot'`` and
            the representation ``'prob'``. None: without, as released.
        regression: Config of a logistic regression whose class scores are
            averaged with the network's when it is used, as
            ``dict(type='ClassRegression')``; ``FitHook`` fits it. It needs
            the representation ``'prob'`` or ``'fc10'``. None: without; it is
            not of the paper.
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
    training_only = ('source_pathway.', 'source_classifier.',
                     'pair_teacher.')
    free_state = ('class_prior.', 'regression.')
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
                 pair_teacher: Optional[dict] = None,
                 class_prior: Optional[dict] = None,
                 instance: Optional[dict] = None,
                 regression: Optional[dict] = None,
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
        if regression is not None and representation not in ('prob', 'fc10'):
            raise ValueError(
                'a class regression changes the class scores: it needs the '
                "representation 'prob' or 'fc10', got "
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
        self.pair_teacher = (None if pair_teacher is None else
                             MODELS.build(dict(dict(num_classes=num_classes),
                                               **pair_teacher)))
        self.num_source_classes = num_source_classes
        self.instance: Any = None
        if instance is not None:
            self.instance = MODELS.build(dict(
                dict(image_size=self.trunk.out_features,
                     text_size=self.text_encoder.out_features), **instance))
        self.class_prior: Any = (None if class_prior is None else
                                 MODELS.build(class_prior))
        self.regression: Any = (None if regression is None else
                                MODELS.build(regression))
        self._told = False

    def towers(self) -> Mapping[str, nn.Module]:
        """Return the trunk and the text encoder."""
        return dict(image=self.trunk, text=self.text_encoder)

    def check_source(self, meta: Mapping[str, Any]) -> Optional[str]:
        """Say why the source classifier does not fit; None if it does."""
        source = meta.get('num_source_classes')
        if (source is None or self.source_pathway is None
                or source <= self.num_source_classes):
            return None
        return ('num_source_classes must match the data: the model has '
                f'{self.num_source_classes}, the source {source}')

    def tensors(self, image: Tensor, text: Any,
                source_image: Optional[Tensor] = None,
                source_text: Any = None,
                unlabelled_image: Optional[Tensor] = None,
                unlabelled_text: Any = None
                ) -> dict[str, dict[str, Tensor]]:
        """Return the taps by input: ``source``, ``image`` and so on.

        Of a source of pairs the images alone are read.
        """
        images = dict(source=source_image, image=image,
                      unlabelled_image=unlabelled_image)
        if self.source_pathway is None:
            images['source'] = None
        features = self._features({name: value for name, value
                                   in images.items() if value is not None})
        words = {name: self.text_encoder(value) for name, value in dict(
            text=text, unlabelled_text=unlabelled_text).items()
            if value is not None}
        taps = {}
        if 'source' in features:
            taps['source'] = self.source_pathway(features.pop('source'))
            taps['source']['fc8'] = self.source_classifier(
                taps['source']['fc7'])
        taps.update(self._target_taps(features, words))
        if self.instance is not None or self.regression is not None:
            # What the towers give; linear parts start from there.
            for name, value in {**features, **words}.items():
                taps[name]['tower'] = value
        if self.pair_teacher is not None and 'unlabelled_text' in words:
            self._add_teacher(taps, features, words)
        return taps

    def _features(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        """Send all images through the trunk in one batch."""
        shapes = [tuple(value.shape[1:]) for value in images.values()]
        if len(set(shapes)) > 1:
            names = [dict(image='target', unlabelled_image='unlabelled').get(
                name, name) for name in images]
            raise ValueError(f'{" and ".join(names)} images must have one '
                             f'shape, got {" and ".join(map(str, shapes))}')
        features = self.trunk(_joined(list(images.values())))
        return dict(zip(images, features.split(
            [len(value) for value in images.values()]), strict=True))

    def _target_taps(self, features: dict[str, Tensor],
                     words: dict[str, Tensor]) -> dict[str, dict]:
        """Taps fc6 to fc10 of all images and texts of the target."""
        taps = {**_taps_apart(self.image_pathway, features),
                **_taps_apart(self.text_pathway, words)}
        heads = ([(self.common_head, [*features, *words])]
                 if self.text_head is None else
                 [(self.common_head, features), (self.text_head, words)])
        for head, names in heads:
            for name, made in _taps_apart(head, {
                    name: taps[name]['fc7'] for name in names}).items():
                taps[name].update(made)
        for part, rows in (('image', features), ('text', words)):
            for name in rows:
                self._add_prior(part, taps[name], rows[name])
        return taps

    def _add_prior(self, part: str, taps: dict[str, Tensor],
                   rows: Tensor) -> None:
        if self.class_prior is not None:
            taps['fc10'] = taps['fc10'] + self.class_prior.offset(part, rows)

    def _add_teacher(self, taps: dict[str, dict], features: dict[str, Tensor],
                     words: dict[str, Tensor]) -> None:
        """What the network gives unlabelled pairs without its dropout."""
        names = 'unlabelled_image', 'unlabelled_text'
        scores = self.teacher_scores(features[names[0]], words[names[1]])
        for name, value in zip(names, scores, strict=True):
            taps[name]['teacher'] = value

    @torch.no_grad()
    def teacher_scores(self, image: Tensor, text: Tensor
                       ) -> tuple[Tensor, Tensor]:
        """Compute the class scores by which pairs teach each other.

        Those of the network alone and without dropout, with the class-name
        prior where there is one, without the regression.

        Args:
            image: What the trunk makes of images, (B, D).
            text: What the text encoder makes of their texts, (B, E).

        Returns:
            Of the images and of the texts, (B, C) each.
        """
        parts = [part for part in (self.image_pathway, self.text_pathway,
                                   self.common_head, self.text_head)
                 if part is not None]
        modes = [part.training for part in parts]
        for part in parts:
            part.eval()
        taps = self._target_taps({'image': image}, {'text': text})
        for part, mode in zip(parts, modes, strict=True):
            part.train(mode)
        return taps['image']['fc10'], taps['text']['fc10']

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Tensor]) -> dict[str, Tensor]:
        """Compute the loss terms, times their weights, and the accuracies."""
        self._tell_once(inputs)
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
        if 'unlabelled_image' in taps:
            self._learn_unlabelled(terms, taps, label)
        if self.instance is not None and self.instance.loss_weight:
            terms['loss_instance'] = self.instance.loss(*(
                _joined([taps[name]['tower'] for name in names if name in taps
                         ]) for names in (('image', 'unlabelled_image'),
                                          ('text', 'unlabelled_text'))),
                _things(data_samples))
        return terms

    def _learn_unlabelled(self, terms: dict[str, Tensor],
                          taps: dict[str, dict], label: Tensor) -> None:
        if self.pair_teacher is None:
            return
        if label.dim() != 1:
            raise ValueError('a pair teacher needs one class a pair: these '
                             'data have several')
        image, text = (taps[f'unlabelled_{name}']
                       for name in ('image', 'text'))
        terms[f'loss_{loss_name(self.pair_teacher)}'] = self.pair_teacher(
            image['fc10'], text['fc10'], (image['teacher'], text['teacher']),
            label)
        # How often both sides say the same class; it should grow.
        terms['agreement_unlabelled'] = (
            image['teacher'].argmax(1) == text['teacher'].argmax(1)
        ).float().mean()

    def encode_pair(self, image: Tensor, text: Any) -> dict[str, Encoded]:
        """Encode both modalities, in one pass of the shared layers."""
        taps = self.tensors(image, text)
        return {name: self._encoded(name, taps[name])
                for name in ('image', 'text')}

    def encode_image(self, image: Tensor) -> Encoded:
        """Encode images in the common space; taps ``fc6`` to ``fc10``."""
        features = self.trunk(image)
        taps = self.image_pathway(features)
        taps.update(self.common_head(taps['fc7']), tower=features)
        self._add_prior('image', taps, features)
        return self._encoded('image', taps)

    def encode_text(self, text: Any) -> Encoded:
        """Encode texts in the common space; taps ``fc6`` to ``fc10``."""
        words = self.text_encoder(text)
        taps = self.text_pathway(words)
        taps.update((self.text_head or self.common_head)(taps['fc7']),
                    tower=words)
        self._add_prior('text', taps, words)
        return self._encoded('text', taps)

    def get_layer_depth(self, param_name: str) -> tuple[int, int]:
        """Return a parameter's depth, and how many depths there are.

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
        """Instance part, class-name prior and regression, where there are."""
        parts = {name: part for name, part in (
            ('instance', self.instance), ('class_prior', self.class_prior),
            ('regression', self.regression)) if part is not None}
        return (nn.ModuleDict(parts) if len(parts) > 1
                else next(iter(parts.values()), None))

    def image_features(self, image: Any) -> Tensor:
        """Compute the trunk's features of images, (B, D)."""
        return self.trunk(image)

    def text_features(self, text: Any) -> Tensor:
        """Compute the text encoder's features of texts, (B, E)."""
        return self.text_encoder(text)

    def fit(self, image: Tensor, text: Tensor,
            label: Optional[Tensor] = None) -> None:
        """Fit those parts to all training pairs, labelled or not.

        Args:
            image: What the trunk makes of the N images, (N, D).
            text: What the text encoder makes of their texts, (N, E).
            label: Their classes, for the prior and the regression; -1 where
                unknown.

        Raises:
            ValueError: Prior or regression lack labels, or the prior's file
                does not fit.
        """
        if self.instance is not None:
            self.instance.fit(image, text)
        if self.class_prior is not None:
            if label is None:
                raise ValueError('a class-name prior is fitted with labels, '
                                 'got none')
            self.class_prior.fit(image, text, label, self.num_classes)
            print_log('class-name prior: '
                      f'{self.class_prior.weights()}', logger='current')
        if self.regression is not None:
            if label is None:
                raise ValueError('a class regression is fitted with labels, '
                                 'got none')
            priors = ((0., 0.) if self.class_prior is None else (
                self.class_prior.offset('image', image),
                self.class_prior.offset('text', text)))
            self.regression.fit(image, text, label, self.num_classes, priors)

    def _encoded(self, name: str, taps: dict[str, Tensor]) -> Encoded:
        logits = taps['fc10']
        if self.regression is not None:
            logits = self.regression.averaged(
                name, taps['tower'], logits, 0. if self.class_prior is None
                else self.class_prior.offset(name, taps['tower']))
        # In float32: the softmax of half precision saturates, and ties.
        common = (logits.float().softmax(1) if self.representation == 'prob'
                  else logits.float() if self.representation == 'fc10'
                  else taps[self.representation].float())
        if self.instance is not None:
            mapped = getattr(self.instance, f'map_{name}')(taps['tower'])
            common = self.instance.joined(common, mapped)
        return Encoded(common, logits, taps)

    def _tell_once(self, inputs: Mapping[str, Any]) -> None:
        if self._told:
            return
        self._told = True
        if 'source_image' not in inputs or self.source_pathway is None:
            lacking = ('the batches hold no source images'
                       if self.source_pathway is not None else
                       'the model has no source pathway')
            print_log(f'CHTN trains without its source domain ({lacking}): '
                      'no source supervision, no MMD.', logger='current',
                      level=logging.WARNING)
        has_pairs = 'unlabelled_image' in inputs
        if has_pairs != (self.pair_teacher is not None):
            lacking = ('the model has no pair_teacher' if has_pairs else
                       'the batches hold none')
            print_log('CHTN trains without pairs that have no class '
                      f'({lacking}).', logger='current',
                      level=logging.WARNING)


def _joined(rows: list[Tensor]) -> Tensor:
    return torch.cat(rows) if len(rows) > 1 else rows[0]


def _taps_apart(part: Any, inputs: Mapping[str, Tensor]
                ) -> dict[str, dict[str, Tensor]]:
    """Send several inputs through a part in one batch; their taps."""
    sizes = [len(value) for value in inputs.values()]
    taps: dict[str, dict[str, Tensor]] = {name: {} for name in inputs}
    for tap, value in part(_joined(list(inputs.values()))).items():
        for name, share in zip(inputs, value.split(sizes), strict=True):
            taps[name][tap] = share
    return taps


def _things(data_samples: Mapping[str, Any]) -> Optional[Tensor]:
    """Numbers of images and texts, (B, 2), by which pairs share one.

    Those of unlabelled pairs follow, (B + U, 2). They come from a data set of
    their own, whose numbers mean other things.
    """
    columns = []
    for name in ('image_idx', 'text_idx'):
        parts = [data_samples.get(f'{stream}same_{name}',
                                  data_samples.get(f'{stream}{name}'))
                 for stream in ('', 'unlabelled_')]
        # Indices stay on the host, as arrays.
        known = [torch.as_tensor(part) for part in parts if part is not None]
        if len(known) == 2:
            known[1] = torch.where(known[1] >= 0,
                                   known[1] + _OTHER_DATA_SET, known[1])
        if known:
            columns.append(_joined(known))
    return torch.stack(columns, 1) if columns else None


def _built(config: dict, in_features: int) -> Any:
    config = deepcopy(dict(config))
    config.setdefault('in_features', in_features)
    return MODELS.build(config)
