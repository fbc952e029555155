"""Where in a picture a text, or a class, is found."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..checks import check_choice
from ..datasets.images import channel_order
from ..models.grad_cam import CamMap, feature_maps, grad_cam


def layers_with_places(inferencer: Any, image: Any) -> dict[str, tuple]:
    """Return the layers that a map can be made of; see :func:`feature_maps`.

    Args:
        inferencer: A :class:`RetrievalInferencer`.
        image: As its ``encode_images`` takes one.
    """
    return feature_maps(inferencer.model, _inputs(inferencer,
                                                  'image', image)[1])


def picture_map(inferencer: Any, image: Any, text: Optional[str] = None,
                category: Optional[str] = None, layers: Sequence[str] = ()
                ) -> tuple[CamMap, np.ndarray, str]:
    """Map which places of a picture speak for a text, or for a class.

    The score is the similarity of picture and text as search has it, or the
    class's logit.

    Args:
        inferencer: A :class:`RetrievalInferencer`.
        image: As its ``encode_images`` takes one.
        text: The text.
        category: Name of the class, or its number. None, and no text: the
            class that the model takes the picture for.
        layers: Names of layers; see :func:`grad_cam`.

    Returns:
        The map; the picture as the model sees it, uint8 (H, W) or
        (H, W, 3); and what the score is of, in words.

    Raises:
        FileNotFoundError, ValueError: The picture cannot be read; the model
            takes ready features; text and class are given both; there is no
            such class or layer.
    """
    if text is not None and category is not None:
        raise ValueError('a map is of a text or of a class, not of both')
    model = inferencer.model
    pixels, inputs = _inputs(inferencer, 'image', image)
    if text is not None:
        with torch.no_grad():
            query = model.encode_text(_inputs(
                inferencer, 'text', text)[1]).repr.float()

        def score(encoded: Any) -> Tensor:
            rows = encoded.repr.float()
            return ((rows * query).sum() if inferencer.similarity == 'dot'
                    else F.cosine_similarity(rows, query)[0])
        said = f'{inferencer.similarity} to {text!r}'
    else:
        number = _category(inferencer, inputs, category)
        said = f'logit of {inferencer.classes[number]}'

        def score(encoded: Any) -> Tensor:
            return encoded.logits.float()[0, number]
    shown = _shown(pixels)
    if channel_order(inferencer.pipeline) == 'BGR' and shown.ndim == 3:
        shown = shown[..., ::-1]
    return grad_cam(model, inputs, score, layers), shown, said


def _category(inferencer: Any, inputs: Tensor, category: Optional[str]
              ) -> int:
    names = list(inferencer.classes)
    if not names:
        raise ValueError('a class needs a model with a classifier: '
                         f'{type(inferencer.model).__name__} has none. Give '
                         'a text')
    if category is not None:
        if category not in names and category.isdigit() and int(
                category) < len(names):
            return int(category)
        check_choice('a class', category, names)
        return names.index(category)
    with torch.no_grad():
        logits = inferencer.model.encode_image(inputs).logits
    if logits is None:
        raise ValueError('a class needs a model with a classifier: '
                         f'{type(inferencer.model).__name__} has none. Give '
                         'a text')
    return int(logits[0].argmax())


def _inputs(inferencer: Any, kind: str, item: Any) -> tuple[Any, Any]:
    """An item as it is loaded, and as the model gets it, a batch of one."""
    if kind == 'image':
        loaded = inferencer.load_image(item)
        value: Any = loaded[None]
    else:
        loaded = item
        value = inferencer._text_inputs([item])
    data = inferencer.model.data_preprocessor(
        dict(inputs={kind: value}, data_samples={}), False)
    return loaded, data['inputs'][kind]


def _shown(pixels: Tensor) -> np.ndarray:
    """Loaded pixels as a picture, stretched where they are none of 0..255."""
    values = pixels.float().cpu().numpy()
    if values.min() < 0 or values.max() <= 1.5:
        low, high = values.min(), values.max()
        values = (values - low) / max(high - low, 1e-6) * 255
    picture = values.clip(0, 255).round().astype(np.uint8).transpose(1, 2, 0)
    return picture[..., 0] if picture.shape[2] == 1 else picture
