"""Options of methods, for code that writes or builds their configurations.

Curation writes configurations for users' data, studies build models of their
own; which option of a method says what, they ask here.
"""
from __future__ import annotations

from typing import Any, Optional

from mmengine.registry import MODELS

from ..models.two_tower_model import TwoTowerModel

#: Options of CHTN that leave the source domain out.
NO_SOURCE: dict[str, Any] = dict(source_pathway=None, mmd=None)


def source_domain(num_classes: Optional[int] = None) -> dict[str, Any]:
    """Return the options by which CHTN learns from source images too.

    They go through the layers of the target's images, as released.

    Args:
        num_classes: Classes of the source domain; None: left open.
    """
    options: dict[str, Any] = dict(source_pathway='image')
    if num_classes is not None:
        options['num_source_classes'] = num_classes
    return options


def ready_features(method: str, image_size: int, text_size: int
                   ) -> dict[str, Any]:
    """Return the options by which a method takes vectors for images and texts.

    Args:
        method: Registered name.
        image_size: Size D of an image's vector.
        text_size: Size E of a text's.
    """
    trunk: dict[str, Any] = dict(input_shape=(image_size, ))
    # CHTN, older than TwoTowerModel, takes its trunk's arguments itself.
    if issubclass(MODELS.get(method), TwoTowerModel):
        trunk = dict(trunk=trunk)
    return dict(text_encoder=dict(type='VectorTextEncoder',
                                  out_features=text_size, norm=None), **trunk)
