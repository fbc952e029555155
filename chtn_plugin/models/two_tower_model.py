"""Base of most methods: an image trunk and a text encoder."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from mmengine.registry import MODELS
from torch import Tensor, nn

from .cross_modal_model import CrossModalModel
from .normalization import check_normalization, check_size
from .trunk import Trunk


class TwoTowerModel(CrossModalModel):
    """A method that starts from one vector an image and one a text.

    Ready features, pictures under any registered backbone, and texts under
    any registered encoder look alike behind :meth:`image_features` and
    :meth:`text_features`; a method goes on from there.

    Args:
        trunk: Arguments of :class:`~chtn_plugin.models.trunk.Trunk`, as
            ``dict(backbone=None, input_shape=(1280, ))`` for ready features.
            Its mode is ``'frozen'`` unless it says otherwise.
        text_encoder: Config of a registered text encoder, as
            ``dict(type='VectorTextEncoder', out_features=384, norm=None)``
            for ready vectors.
        num_classes: As in :class:`CrossModalModel`.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.

    Attributes:
        image_size: Size of an image's vector.
        text_size: Size of a text's vector.
    """

    def __init__(self,
                 trunk: dict,
                 text_encoder: dict,
                 num_classes: Optional[int] = None,
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(num_classes, similarity, data_preprocessor, init_cfg)
        self.trunk = Trunk(**{'backbone': None, 'mode': 'frozen', **trunk})
        check_normalization(self.trunk.expected, self.data_preprocessor)
        check_size(self.trunk.expected, self.trunk.input_shape)
        self.text_encoder = MODELS.build(text_encoder)
        self.image_size: int = self.trunk.out_features
        self.text_size: int = self.text_encoder.out_features

    def towers(self) -> Mapping[str, nn.Module]:
        """Return the trunk and the text encoder."""
        return dict(image=self.trunk, text=self.text_encoder)

    def image_features(self, image: Any) -> Tensor:
        """Map images, or cached features of a frozen trunk, to (B, D)."""
        return self.trunk(image)

    def text_features(self, text: Any) -> Tensor:
        """Map encoded texts to (B, D)."""
        return self.text_encoder(text)
