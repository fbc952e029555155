"""Move batches to the device and normalise their images."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import MODELS
from torch import Tensor

from .text_inputs import attach_host, shortened

_IMAGES = ('image', 'source_image', 'unlabelled_image')


@MODELS.register_module()
class CrossModalDataPreprocessor(BaseDataPreprocessor):
    """Moves a batch to the model's device and normalises its images.

    Images are what has four dimensions, (B, channels, H, W); ready features
    pass as they are. Which item is which (``sample_idx``, ``image_idx``,
    ``text_idx``) stays on the host, where it is asked for: an answer from a
    GPU would wait for all its work. These become NumPy arrays, because
    DistributedDataParallel and FullyShardedDataParallel copy every tensor
    among a model's arguments to the GPU. Padding that a whole batch of texts
    shares is cut off before the copy; see :func:`~.text_inputs.shortened`.

    Args:
        mean: Subtracted from each channel, in the image's own scale (0..255
            for uint8), in the order of the channels *after* ``bgr_to_rgb``.
            None: nothing is (the released trunk normalises by itself).
        std: Divides each channel after that. None: nothing does.
        bgr_to_rgb: Whether to reverse the channels. mmcv loads BGR.
        non_blocking: Whether copies to the device may overlap computation.
    """

    def __init__(self,
                 mean: Optional[Sequence[float]] = None,
                 std: Optional[Sequence[float]] = None,
                 bgr_to_rgb: bool = False,
                 non_blocking: bool = True) -> None:
        super().__init__(non_blocking)
        for name, values in (('mean', mean), ('std', std)):
            if values is not None and len(values) not in (1, 3):
                raise ValueError(f'{name} needs 1 or 3 numbers, got {values}')
            value = None if values is None else torch.tensor(
                values, dtype=torch.float32).view(-1, 1, 1)
            self.register_buffer(name, value, persistent=False)
        self.bgr_to_rgb = bgr_to_rgb

    def forward(self, data: dict[str, Any], training: bool = False
                ) -> dict[str, Any]:
        """Move a batch to the device, its images normalised float32.

        Args:
            data: ``inputs`` and ``data_samples``, as the data loader returns
                them.
            training: Not used.

        Returns:
            The same keys; ``sample_idx``, ``image_idx`` and ``text_idx`` as
            NumPy arrays (B,), all other values as tensors on the device.
        """
        samples = data['data_samples']
        indices = {name: np.asarray(value) for name, value in samples.items()
                   if name.endswith('_idx')}
        inputs = dict(data['inputs'])
        hosts: dict[str, Any] = {}
        for name in ('text', 'source_text', 'unlabelled_text'):
            if name in inputs:
                inputs[name], hosts[name] = shortened(inputs[name])
        data = self.cast_data(dict(inputs=inputs, data_samples={
            name: value for name, value in samples.items()
            if name not in indices}))
        inputs = {name: self._normalized(value)
                  if name in _IMAGES and value.dim() == 4
                  else value for name, value in data['inputs'].items()}
        for name, host in hosts.items():
            attach_host(inputs[name], host)
        return dict(inputs=inputs,
                    data_samples=dict(data['data_samples'], **indices))

    def _normalized(self, images: Tensor) -> Tensor:
        if self.bgr_to_rgb:
            images = images.flip(1)
        images = images.float()
        if self.mean is not None:
            images = images - self.mean
        if self.std is not None:
            images = images / self.std
        return images
