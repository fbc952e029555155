"""Label unlabelled pairs by the modality that is more certain."""
from __future__ import annotations

from typing import Optional

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size
from mmengine.registry import MODELS
from torch import Tensor, nn

# Added to shares, so that a class absent from all batches stays finite.
_RARE = 1e-4
_TEMPERATURES = (.35, .5, .7, 1., 1.4, 2., 2.8, 4., 6., 10.)


def likeliest_temperature(scores: Tensor, label: Tensor) -> float:
    r"""Find the temperature that makes the classes of held-out rows likeliest.

    Guo et al., https://arxiv.org/abs/1706.04599. A posterior that is too
    sure of itself outvotes the other modality.

    Args:
        scores: Class scores of rows that did not train them, (L, C).
        label: Their classes, (L,).

    Returns:
        Of a fixed list from .35 to 10, the T with the largest
        :math:`\sum_l \log \mathrm{softmax}(z_l / T)(y_l)`.

    Raises:
        ValueError: There is no row.
    """
    if not len(label):
        raise ValueError('a temperature needs held-out rows with a class, '
                         'got none')
    scores = scores.detach().double()
    losses = [float(F.cross_entropy(scores / value, label))
              for value in _TEMPERATURES]
    return _TEMPERATURES[losses.index(min(losses))]


def pair_teacher_targets(image: Tensor,
                         text: Tensor,
                         sharpen: float = 2.0,
                         text_vote: float = 1.0,
                         image_vote: float = 1.0,
                         image_temperature: Tensor | float = 1.0,
                         text_temperature: Tensor | float = 1.0
                         ) -> tuple[Tensor, Tensor]:
    r"""Compute soft labels of pairs without a class.

    Both sides of a pair are of one class, so their posteriors vote on it:
    co-training (Blum and Mitchell 1998,
    https://doi.org/10.1145/279943.279962), for cross-modal retrieval Mandal
    et al. (https://arxiv.org/abs/1812.01391). With posteriors
    :math:`p = \mathrm{softmax}(z / T)`, sharpening s and votes a and b,

    .. math::
        q_i \propto (p_i\, p_t^a)^s, \qquad q_t \propto (p_i^b\, p_t)^s

    No gradient goes through them. Computed in float32 at least, under
    autocast too, and from log-softmax, so that no posterior rounds to 0.

    Args:
        image: Class scores of the images, (B, C).
        text: Class scores of their texts, (B, C).
        sharpen: The exponent s; 1 multiplies the posteriors as they are.
        text_vote: Weight a of the text in the image's label.
        image_vote: Weight b of the image in the text's label.
        image_temperature: Divides the scores of the images before.
        text_temperature: Divides those of the texts.

    Returns:
        The labels of the images and of the texts, (B, C) each; rows sum to 1.

    Raises:
        ValueError: The shapes differ.
    """
    if image.shape != text.shape or image.dim() != 2:
        raise ValueError('image and text must have the same shape (B, C), '
                         f'got {tuple(image.shape)} and {tuple(text.shape)}')
    with torch.no_grad(), torch.autocast(image.device.type, enabled=False):
        dtype = torch.promote_types(image.dtype, torch.float32)
        log_image = (image.to(dtype) / image_temperature).log_softmax(1)
        log_text = (text.to(dtype) / text_temperature).log_softmax(1)
        return ((sharpen * (log_image + text_vote * log_text)).softmax(1),
                (sharpen * (image_vote * log_image + log_text)).softmax(1))


def pair_teacher_loss(image: Tensor, text: Tensor, image_target: Tensor,
                      text_target: Tensor) -> Tensor:
    r"""Compute the cross entropy of both sides against their soft labels.

    .. math::
        -\frac{1}{B} \sum_b \sum_c \big[ q_i(b, c) \log p_i(b, c)
        + q_t(b, c) \log p_t(b, c) \big]

    A mean over rows: ranks with as many rows each average to one process on
    all rows. Computed in float32 at least.

    Args:
        image: Class scores of the images, (B, C).
        text: Class scores of their texts, (B, C).
        image_target: See :func:`pair_teacher_targets`.
        text_target: Likewise.

    Returns:
        Scalar, at least 0; 0 for a batch without rows.
    """
    with torch.autocast(image.device.type, enabled=False):
        dtype = torch.promote_types(image.dtype, torch.float32)
        if not len(image):
            return (image.sum() + text.sum()).to(dtype)
        return (F.cross_entropy(image.to(dtype), image_target)
                + F.cross_entropy(text.to(dtype), text_target))


@MODELS.register_module()
class PairTeacherLoss(nn.Module):
    r"""Weighted :func:`pair_teacher_loss`, from nothing to its full weight.

    The weight is 0 for ``warm_up`` calls, while labelled rows alone teach,
    then grows to ``loss_weight`` over ``ramp`` more.

    A network that teaches itself comes to call everything by the class it
    names most. So, before they vote, the posteriors of each modality are
    aligned (Berthelot et al., ReMixMatch, https://arxiv.org/abs/1911.09785):
    multiplied, class by class, by the share of the class among the labels
    over its mean posterior among the unlabelled pairs, and scaled to sum 1
    again. Both are running means, over all ranks. This takes it that
    unlabelled pairs are of the classes that the labelled ones are of, in
    about their shares.

    The number of calls, the running means and the temperatures are state: a
    resumed run goes on where it was.

    Args:
        num_classes: Number C of classes. None: the model finds it out.
        loss_weight: Factor on the mean over the rows of a batch.
        sharpen: See :func:`pair_teacher_targets`.
        text_vote: Likewise.
        image_vote: Likewise. Below 1 where pictures are the weaker judges,
            which is usual: texts say what a picture is about.
        image_temperature: Likewise; see ``temper_every``.
        text_temperature: Likewise.
        warm_up: Calls with weight 0.
        ramp: Calls in which the weight then grows linearly.
        alignment: Exponent of the alignment: 1: whole, 0: none.
        momentum: Share of the newest batch in the running means.
        temper_every: Updates from one fit of both temperatures to the next,
            from the end of the warm-up on, on validation pairs with a class;
            ``TeacherTemperatureHook`` (in default_runtime.py) makes them. 0:
            they stay as given.

    Raises:
        ValueError: An option is out of its range.
    """
    name = 'pair_teacher'
    calls: Tensor
    shares: Tensor
    seen: Tensor
    temperatures: Tensor

    def __init__(self,
                 num_classes: Optional[int] = None,
                 loss_weight: float = 1.0,
                 sharpen: float = 2.0,
                 text_vote: float = 1.0,
                 image_vote: float = 0.5,
                 image_temperature: float = 1.0,
                 text_temperature: float = 1.0,
                 warm_up: int = 60,
                 ramp: int = 0,
                 alignment: float = 1.0,
                 momentum: float = 0.1,
                 temper_every: int = 0) -> None:
        super().__init__()
        if num_classes is None:
            raise ValueError('num_classes must be given where no model finds '
                             'it out')
        for name, value in (('sharpen', sharpen), ('momentum', momentum),
                            ('image_temperature', image_temperature),
                            ('text_temperature', text_temperature)):
            if not value > 0:
                raise ValueError(f'{name} must be positive, got {value}')
        for name, value in (('loss_weight', loss_weight),
                            ('text_vote', text_vote),
                            ('image_vote', image_vote),
                            ('alignment', alignment),
                            ('warm_up', warm_up), ('ramp', ramp),
                            ('temper_every', temper_every)):
            if not value >= 0:
                raise ValueError(f'{name} must be at least 0, got {value}')
        self.loss_weight = loss_weight
        self.sharpen = sharpen
        self.text_vote = text_vote
        self.image_vote = image_vote
        self.warm_up = warm_up
        self.ramp = ramp
        self.alignment = alignment
        self.momentum = momentum
        self.temper_every = temper_every
        self.register_buffer('calls', torch.zeros((), dtype=torch.long))
        # Of the labels, the images' posteriors, the texts'.
        self.register_buffer('shares', torch.zeros(3, num_classes))
        self.register_buffer('seen', torch.zeros(()))
        self.register_buffer('temperatures', torch.tensor(
            [float(image_temperature), float(text_temperature)]))

    def forward(self, image: Tensor, text: Tensor,
                teacher: tuple[Tensor, Tensor], label: Tensor) -> Tensor:
        """Compute the weighted loss of a batch of unlabelled pairs, a scalar.

        Args:
            image: Class scores of the images, (B, C).
            text: Class scores of their texts, (B, C).
            teacher: Both again, as the network gives them without dropout;
                the soft labels come from these.
            label: Classes of the batch of labelled pairs, (L,).
        """
        scores = self._aligned(teacher, label)
        targets = pair_teacher_targets(scores[0], scores[1], self.sharpen,
                                       self.text_vote, self.image_vote)
        return self._weight() * pair_teacher_loss(image, text, *targets)

    @torch.no_grad()
    def _aligned(self, teacher: tuple[Tensor, Tensor], label: Tensor
                 ) -> list[Tensor]:
        """Log posteriors of images and texts, their shares evened out."""
        logs = [(scores.float() / temperature).log_softmax(1)
                for scores, temperature in zip(teacher, self.temperatures,
                                               strict=True)]
        if not self.alignment or not len(logs[0]):
            return logs
        batch = torch.stack([
            F.one_hot(label, self.shares.shape[1]).float().mean(0),
            *(rows.exp().mean(0) for rows in logs)])
        if get_world_size() > 1:
            all_reduce(batch, 'mean')
        self.shares.lerp_(batch, self.momentum)
        self.seen.lerp_(torch.ones_like(self.seen), self.momentum)
        labels, *means = (self.shares / self.seen + _RARE).log()
        return [rows + self.alignment * (labels - mean)
                for rows, mean in zip(logs, means, strict=True)]

    def _weight(self) -> Tensor:
        # Not compared on the host, which would wait for a GPU.
        past = self.calls - self.warm_up + 1
        self.calls += 1
        return self.loss_weight * (past / (self.ramp + 1)).clamp(0, 1)
