"""The trunk: any registered backbone, ending in one vector an image."""
from __future__ import annotations

import logging
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Optional

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..checks import check_choice
from .memory_layout import has_narrow_layers
from .normalization import expected_pixels
from .pooling import POOLINGS, STAGES, pooled

MODES = ('train', 'adapt', 'frozen')
# Arguments by which a backbone gets its weights.
_ORIGINS = ('init_cfg', 'model', 'pretrained', 'checkpoint_path', 'weights')


class Trunk(BaseModule):
    """What source and target images go through together.

    Args:
        backbone: Config of a registered backbone (``mmpretrain.ResNet``, …).
            None: the images are ready features and pass unchanged.
        input_shape: Shape of one image, (channels, H, W), or (D,).
        mode: What training changes. ``'adapt'``, as released: the weights
            are frozen, batch normalisation goes on using and gathering the
            statistics of the mixed batch; all else (dropout, drop path) is
            as in evaluation. ``'train'``: everything. ``'frozen'``:
            nothing, the backbone stays in evaluation mode.
        pooling: How the output becomes a vector: ``'flatten'`` (AlexNet's
            6×6×256 = 9216), ``'average'``, ``'max'`` or ``'cls'``; see
            :func:`~chtn_plugin.models.pooling.pooled`.
        stages: Of several stages, ``'last'`` or ``'all'``, joined.
        frozen: In mode ``'train'``, parts of the backbone that stay as they
            are: names of its modules or parameters (``'stem'``, ``'layer1'``,
            ``'layers.0'``). They stay in evaluation mode too.
        norm_eval: In mode ``'train'``, whether batch normalisation keeps its
            statistics (its scale and shift are still trained).
        checkpointing: Whether to compute activations anew in the backward
            pass instead of keeping them: less memory for more time.
        normalization: What the backbone's weights expect of images, where
            it does not say so: ``mean``, ``std``, ``order``, ``size``; see
            :func:`~chtn_plugin.models.normalization.expected_pixels`.
        normalized: Whether to scale each vector to length 1, so that one
            learning rate suits all pretrained networks.
        channels_last: Whether the weights of convolutions lie channels-last
            in memory, by which a CPU convolves in two thirds of the time,
            and a GPU in half precision faster too. Values and checkpoints
            are the same. A backbone whose code cannot run on such images
            keeps its layout, and the log says so.

    Attributes:
        out_features: Size of the vector, found out by running it.
        expected: What the backbone and ``normalization`` say of images.
        names_weights: Whether there is no backbone, or its configuration
            says where its weights come from.

    Raises:
        ValueError: An option is not one of those above, a frozen part does
            not exist, the backbone has no checkpointing, or the pooling does
            not fit its output.
    """

    def __init__(self,
                 backbone: Optional[dict],
                 input_shape: Sequence[int],
                 mode: str = 'adapt',
                 pooling: str = 'flatten',
                 stages: str = 'last',
                 frozen: Sequence[str] = (),
                 norm_eval: bool = False,
                 checkpointing: bool = False,
                 normalization: Optional[dict] = None,
                 normalized: bool = False,
                 channels_last: bool = True) -> None:
        super().__init__()
        for name, value, known in (('mode of the trunk', mode, MODES),
                                   ('pooling', pooling, POOLINGS),
                                   ('stages', stages, STAGES)):
            check_choice(name, value, known)
        self.mode = mode
        self.pooling = pooling
        self.stages = stages
        self.frozen = (frozen, ) if isinstance(frozen, str) else tuple(frozen)
        self.norm_eval = norm_eval
        self.normalized = normalized
        self.channels_last = channels_last
        self.input_shape = tuple(input_shape)
        self.backbone = (nn.Identity() if backbone is None else
                         MODELS.build(backbone))
        self._backbone_config = deepcopy(backbone)
        self.names_weights = backbone is None or any(
            backbone.get(key) for key in _ORIGINS)
        if mode != 'train':
            self.backbone.requires_grad_(False)
        self.expected = expected_pixels(self.backbone, normalization)
        self._freeze_parts()
        self.out_features = (self._probe_channels_last() if channels_last
                             else self._probe())
        if checkpointing:
            enable_checkpointing(self.backbone)

    def is_random(self) -> bool:
        """Return whether the backbone's weights are drawn, not read.

        Where its configuration does not name weights, the constructor may
        still read some: it then makes the same ones under another seed.
        """
        if self.names_weights:
            return False
        with torch.random.fork_rng(devices=[]):
            # Not torch.manual_seed, which would reach every GPU.
            torch.default_generator.manual_seed(torch.initial_seed() + 1)
            again = MODELS.build(deepcopy(self._backbone_config))
        own = dict(self.backbone.named_parameters())
        return any(not torch.equal(own[name].cpu(), value.cpu())
                   for name, value in again.named_parameters())

    def why_random(self) -> Optional[str]:
        """Say that nothing gave it weights, and how to; None: it has some."""
        if self.mode == 'train' or not self.is_random():
            return None
        return (f'the trunk is not trained (trunk_mode={self.mode!r}) and no '
                'weights were loaded into it, so its features are those of a '
                'random network: give model.backbone.init_cfg '
                "(type='Pretrained'), load_from, or trunk_mode='train'")

    def why_uncached(self) -> Optional[str]:
        """Say why an image has no feature that could be kept; None: it has.
        """
        if isinstance(self.backbone, nn.Identity):
            return 'the images are ready features already'
        if self.mode == 'adapt':
            return ("trunk_mode='adapt', the released method, normalises "
                    'each image by the statistics of the mixed batch it '
                    'stands in, so it has other features each time; '
                    "trunk_mode='frozen' gives this adaptation up and can be "
                    'cached')
        if self.mode != 'frozen' or any(
                parameter.requires_grad
                for parameter in self.backbone.parameters()):
            return ('the trunk is trained, so its features change with every '
                    "step; trunk_mode='frozen' can be cached")
        return None

    @property
    def architecture(self) -> Any:
        """What rebuilds the backbone without its folder; None if nothing."""
        return getattr(self.backbone, 'architecture', None)

    def _freeze_parts(self) -> None:
        for part in self.frozen:
            parameters = [p for name, p in self.backbone.named_parameters()
                          if name == part or name.startswith(f'{part}.')]
            if not parameters:
                names = [name for name, _ in self.backbone.named_children()]
                raise ValueError('a frozen part must hold parameters of the '
                                 f'backbone: {part!r} holds none, its '
                                 f'modules are {names}')
            for parameter in parameters:
                parameter.requires_grad_(False)

    def _probe_channels_last(self) -> int:
        """Lay the weights channels-last if the backbone runs so; probe."""
        if len(self.input_shape) != 3 or has_narrow_layers(self.backbone):
            return self._probe()
        set_memory_format(self.backbone, torch.channels_last)
        try:
            # With one image the order of dimensions may not show.
            return self._probe(count=2)
        except (RuntimeError, ValueError) as error:
            # As of view() on what is not contiguous. Where the layout is not
            # to blame, the probe below fails again, and says so itself.
            set_memory_format(self.backbone, torch.contiguous_format)
            size = self._probe()
            print_log(f'{type(self.backbone).__name__} keeps its weights '
                      f'channel by channel: channels-last it fails ({error})',
                      logger='current', level=logging.INFO)
            return size

    def _probe(self, count: int = 1) -> int:
        """The vector's size; and freezes what takes no part in it.

        Distributed training waits in vain for gradients of such parameters:
        stages behind the last one used, an unused pooler.
        """
        training = self.backbone.training
        self.backbone.eval()
        trained = {name: p for name, p in self.backbone.named_parameters()
                   if p.requires_grad}
        try:
            with torch.set_grad_enabled(bool(trained)):
                image = torch.zeros(count, *self.input_shape)
                out = self._pooled(self.backbone(image))
            freeze_unused(trained, out)
        finally:
            self.backbone.train(training)
        return out.shape[1]

    def train(self, mode: bool = True) -> Trunk:
        """Set training mode, except for what is frozen."""
        super().train(mode)
        if not mode:
            return self
        if self.mode != 'train':
            self.backbone.eval()
        for name, module in self.backbone.named_modules():
            is_norm = isinstance(module, _BatchNorm)
            if is_norm and self.mode == 'adapt':
                module.train()
            elif (is_norm and self.norm_eval) or any(
                    name == part or name.startswith(f'{part}.')
                    for part in self.frozen):
                module.training = False
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, channels, H, W) or (B, D) to (B, out_features).

        In place of images, a frozen trunk takes its own earlier output,
        (B, out_features), and returns it: an image has one output there,
        which may come from a cache.

        Raises:
            ValueError: The images are vectors, but cannot be its output, or
                they end in vectors of another size.
        """
        if images.dim() == 2 and len(self.input_shape) > 1:
            return self._checked_output(images)
        with torch.set_grad_enabled(torch.is_grad_enabled()
                                    and self.mode == 'train'):
            out = self._pooled(self.backbone(images))
        if out.shape[1] != self.out_features:
            raise ValueError(
                f'images must have the input_shape of the model, '
                f'{self.input_shape}: those of {tuple(images.shape[1:])} end '
                f'in vectors of {out.shape[1]}, not of {self.out_features}')
        return out

    def _checked_output(self, vectors: Tensor) -> Tensor:
        if self.mode != 'frozen':
            raise ValueError("vectors in place of images need mode 'frozen', "
                             'in which an image has one output: got '
                             f'{self.mode!r}')
        if vectors.shape[1] != self.out_features:
            raise ValueError('vectors in place of images must be outputs of '
                             f'the trunk, (B, {self.out_features}), got '
                             f'{tuple(vectors.shape)}')
        return vectors

    def _pooled(self, features: Any) -> Tensor:
        vectors = pooled(features, self.pooling, self.stages)
        return F.normalize(vectors) if self.normalized else vectors


def set_memory_format(module: nn.Module, layout: torch.memory_format) -> None:
    """Set how the weights of convolutions over pictures lie in memory.

    Others stay as they are: a table of positions, (1, heads, N, N), has four
    dimensions too, and gains nothing.

    Args:
        module: What holds the convolutions.
        layout: ``torch.channels_last`` or ``torch.contiguous_format``.
    """
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)) and not (
                isinstance(part.weight, nn.parameter.UninitializedParameter)):
            part.weight.data = part.weight.data.contiguous(
                memory_format=layout)


def freeze_unused(parameters: dict[str, nn.Parameter], output: Tensor
                  ) -> list[str]:
    """Freeze the parameters that an output does not depend on.

    Args:
        parameters: Parameters that want a gradient, by name.
        output: What was computed with them.

    Returns:
        Names of those now frozen.
    """
    if not parameters or not output.requires_grad:
        return []
    gradients = torch.autograd.grad(
        output.float().sum(), list(parameters.values()), allow_unused=True)
    unused = [name for name, gradient in zip(
        parameters, gradients, strict=True)
              if gradient is None]
    for name in unused:
        parameters[name].requires_grad_(False)
    if unused:
        print_log(f'{len(unused)} parameters take no part in the output and '
                  f'are frozen: {", ".join(unused[:4])}'
                  f'{", ..." if len(unused) > 4 else ""}', logger='current',
                  level=logging.INFO)
    return unused


def enable_checkpointing(backbone: nn.Module) -> None:
    """Switch gradient checkpointing on, whatever the package calls it.

    Knows ``gradient_checkpointing_enable`` (transformers),
    ``set_grad_checkpointing`` (timm) and ``with_cp`` (mmpretrain).

    Raises:
        ValueError: The backbone has none of them.
    """
    enabled = False
    for module in backbone.modules():
        for method in ('gradient_checkpointing_enable',
                       'set_grad_checkpointing'):
            if hasattr(module, method):
                getattr(module, method)()
                return
        if hasattr(module, 'with_cp'):
            setattr(module, 'with_cp', True)  # noqa: B010
            enabled = True
    if not enabled:
        raise ValueError(f'{type(backbone).__name__} has no gradient '
                         'checkpointing')
