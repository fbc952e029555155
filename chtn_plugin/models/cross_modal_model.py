"""The contract that every retrieval method keeps, and all else relies on.

A method writes two encoders and a loss. Training, evaluation, search, index,
export and publishing use nothing of it but what :class:`CrossModalModel`
names here.
"""
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Optional

from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn import functional as F

from ..checks import check_choice

SIMILARITIES = ('cosine', 'dot')


@dataclass
class Encoded:
    """What a method makes of a batch of images or of texts.

    Attributes:
        repr: What is compared, (B, D) float32.
        logits: Class scores, (B, C). None: the method has no classifier.
        taps: Outputs of named layers, for losses that stand at them and for
            feature extraction.
    """
    repr: Tensor
    logits: Optional[Tensor] = None
    taps: dict[str, Tensor] = field(default_factory=dict)

    @property
    def probabilities(self) -> Optional[Tensor]:
        """Class probabilities, (B, C) float32; None without a classifier."""
        # In float32: the softmax of half precision saturates, and ties.
        return None if self.logits is None else self.logits.float().softmax(1)


class CrossModalModel(BaseModel):
    """A retrieval method: images and texts become comparable vectors.

    Subclasses define :meth:`encode_image`, :meth:`encode_text` and
    :meth:`loss`, and say what is true of them in the attributes below.

    Args:
        num_classes: Number C of classes of the training labels. None: the
            method needs no labels.
        similarity: ``'cosine'`` or ``'dot'``: how two representations are
            compared. Metric, index, page and export follow it. None: as the
            class says.
        data_preprocessor: As everywhere in MMEngine; None: a
            :class:`CrossModalDataPreprocessor` that changes nothing.
        init_cfg: As everywhere in MMEngine.

    Attributes:
        paper: URL of the method's paper, for the model card. None: there is
            none.
        paper_title: Its title.
        similarity: ``'cosine'`` or ``'dot'``.
        num_classes: As above.
        training_only: Prefixes of parameter names that testing does without;
            a checkpoint may lack or hold them.
        needs_labels: Whether training reads labels even where
            ``num_classes`` is None.
        free_state: Prefixes of state whose names and shapes are not known
            before the model is fitted; a checkpoint brings them.
        mirrored: Whether :meth:`predict` encodes each picture and its mirror
            image, and takes the mean of both vectors (of length 1 under
            cosine).
        keeps_training_rows: Whether a checkpoint carries (the features of)
            training rows, which whoever passes it on should know.

    Raises:
        ValueError: The similarity is not one of those above.
    """
    paper: ClassVar[Optional[str]] = None
    paper_title: ClassVar[Optional[str]] = None
    training_only: ClassVar[tuple[str, ...]] = ()
    needs_labels: ClassVar[bool] = False
    free_state: ClassVar[tuple[str, ...]] = ()
    keeps_training_rows: ClassVar[bool] = False
    similarity: str = 'cosine'
    num_classes: Optional[int] = None
    mirrored: bool = False

    def __init__(self,
                 num_classes: Optional[int] = None,
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            data_preprocessor or dict(type='CrossModalDataPreprocessor'),
            init_cfg)
        similarity = similarity or type(self).similarity
        check_choice('similarity', similarity, SIMILARITIES)
        self.similarity = similarity
        self.num_classes = num_classes

    @abstractmethod
    def encode_image(self, image: Any) -> Encoded:
        """Encode images, as the data preprocessor returns them."""

    @abstractmethod
    def encode_text(self, text: Any) -> Encoded:
        """Encode texts, as the data preprocessor returns them."""

    @abstractmethod
    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Compute the losses of a training batch.

        Args:
            inputs: ``image``, ``text`` and, with a source domain,
                ``source_image``.
            data_samples: ``label``, (B,) or multi-hot (B, C), and so on; see
                :meth:`forward`.

        Returns:
            Scalars. MMEngine minimises the sum of those with ``loss`` in
            their key, and logs all.
        """

    def towers(self) -> Mapping[str, nn.Module]:
        """Return the encoders that may read weights of their own.

        Returns:
            ``'image'``: a :class:`~chtn_plugin.models.trunk.Trunk`, and
            ``'text'``: a text encoder, where the method has them. Feature
            cache, checks of pixels and weights, and the export ask them.
        """
        return {}

    @property
    def fitted_part(self) -> Optional[nn.Module]:
        """The module that ``fit`` fills in before training; None: nothing.

        A model that has one defines ``fit(image, text, label)`` and, for
        what it is given, ``image_features`` and ``text_features``;
        :class:`~chtn_plugin.engine.hooks.FitHook` calls them.
        """
        return None

    @property
    def parts(self) -> Mapping[str, slice]:
        """Named parts of a representation that a query may weight.

        Returns:
            Columns of each part by name. The score of two items is the sum
            of their parts' inner products. Empty: it has one part.
        """
        return {}

    @property
    def balance(self) -> Optional[float]:
        """Share of the instance part in a score; None without one."""
        return None

    @property
    def nearby(self) -> Optional[float]:
        """Cosine that partners usually reach in the instance part.

        None: there is no such part, or validation has not measured it.
        """
        return None

    def query_factors(self, balance: float) -> Tensor:
        """Return what a query is multiplied by for another balance, (D,).

        The gallery stays as it is: one index serves every balance.

        Args:
            balance: Share of the instance part, in [0, 1]: 0 asks for this
                kind of thing, 1 for this very thing.

        Raises:
            ValueError: The model has no such parts, or the share is out of
                range.
        """
        raise ValueError('a balance needs a model with an instance part: '
                         f'{type(self).__name__} has none')

    def fixed_state(self, state: Mapping[str, Tensor]
                    ) -> dict[str, Tensor]:
        """Return what of a state has its names and shapes from building.

        Args:
            state: A state dictionary, of this model or of a checkpoint.
        """
        return {name: value for name, value in state.items()
                if not name.startswith(self.free_state)}

    def check_source(self, meta: Mapping[str, Any]) -> Optional[str]:
        """Say why the data's source domain does not fit; None if it does.

        Args:
            meta: Meta information of the data set.
        """
        return None

    def forward(self, inputs: dict[str, Any],
                data_samples: Optional[dict[str, Tensor]] = None,
                mode: str = 'tensor') -> Any:
        """Process one batch, as the data preprocessor returns it.

        Args:
            inputs: ``image`` (B, ...), ``text`` (B, ...) or a dictionary of
                such, and in training ``source_image`` (S, ...).
            data_samples: ``label`` (B,) class indices, or (B, C) multi-hot;
                ``sample_idx``, ``image_idx``, ``text_idx`` (B,), on the host
                whatever the device, -1 where an item lacks the image or text;
                in training ``source_label`` (S,).
            mode: ``'tensor'``: the taps of each input by name. ``'loss'``:
                one flat dictionary of losses and accuracies. ``'predict'``:
                a list with one dictionary an item; see :meth:`predict`.

        Raises:
            ValueError: The mode is unknown.
        """
        if mode == 'tensor':
            return self.tensors(**inputs)
        if mode == 'loss':
            return self.loss(inputs, data_samples or {})
        if mode == 'predict':
            return self.predict(inputs, data_samples or {})
        raise ValueError("mode must be 'tensor', 'loss' or 'predict', "
                         f'got {mode!r}')

    def tensors(self, image: Any, text: Any,
                source_image: Any = None, source_text: Any = None
                ) -> dict[str, dict[str, Tensor]]:
        """Return the taps of ``image`` and ``text``."""
        return {name: encoded.taps for name, encoded in
                self.encode_pair(image, text).items()}

    def encode_pair(self, image: Any, text: Any) -> dict[str, Encoded]:
        """Encode both modalities of a batch: ``image`` and ``text``."""
        return dict(image=self.encode_image(image),
                    text=self.encode_text(text))

    def predict(self, inputs: dict[str, Any],
                data_samples: dict[str, Tensor]) -> list[dict[str, Any]]:
        """Encode a batch for evaluation.

        Returns:
            One dictionary an item: its data samples, ``image_repr`` and
            ``text_repr``, (D,) float32, None where it lacks the modality,
            and ``similarity``, by which they are compared.
        """
        encoded = self.encode_pair(inputs['image'], inputs['text'])
        if self.mirrored:
            encoded['image'] = Encoded(self._with_mirror_image(
                inputs['image'], encoded['image'].repr))
        present = {name: present_items(data_samples, f'{name}_idx')
                   for name in encoded}
        items = []
        for row in range(len(data_samples['sample_idx'])):
            item: dict[str, Any] = {name: value[row] for name, value
                                    in data_samples.items()}
            for name in ('sample_idx', 'image_idx', 'text_idx'):
                item[name] = int(item[name])
            for name, has in present.items():
                item[f'{name}_repr'] = (encoded[name].repr[row]
                                        if has is None or has[row] else None)
            items.append(dict(item, similarity=self.similarity))
        return items

    def _with_mirror_image(self, image: Any, rows: Tensor) -> Tensor:
        if not isinstance(image, Tensor) or image.dim() != 4:
            raise ValueError('mirror images need pictures, (B, channels, H, '
                             'W): ready or cached features have none, got '
                             f'{tuple(getattr(image, "shape", ()))}')
        both = [rows, self.encode_image(image.flip(-1)).repr]
        if self.similarity == 'cosine':
            both = [F.normalize(each.float()) for each in both]
        return (both[0] + both[1]) / 2


def present_items(data_samples: Mapping[str, Tensor],
                  name: str) -> Optional[Tensor]:
    """Say which items have a modality.

    Args:
        data_samples: Of a batch.
        name: ``'image_idx'`` or ``'text_idx'``, -1 where it is missing.

    Returns:
        (B,) bool; None where all have it, or nothing is known.
    """
    indices = data_samples.get(name)
    if indices is None or bool((indices >= 0).all()):
        return None
    return indices >= 0
