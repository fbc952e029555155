"""Pretrained towers as a method of their own, without any training."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from mmengine.registry import MODELS
from torch import Tensor, nn

from .cross_modal_model import CrossModalModel, Encoded
from .trunk import Trunk


@MODELS.register_module()
class AlignedTowers(CrossModalModel):
    """Two encoders that share a space already, as CLIP's and SigLIP's do.

    What comes before any training: the baseline that a trained method adds
    to. A text encoder alone searches texts by texts.

    Args:
        trunk: Arguments of :class:`~chtn_plugin.models.trunk.Trunk`. None:
            there is no image tower.
        text_encoder: Config of a registered text encoder. None: there is no
            text tower.
        similarity: As in :class:`CrossModalModel`.
        data_preprocessor: As in :class:`CrossModalModel`.
        init_cfg: As in :class:`CrossModalModel`.

    Raises:
        ValueError: There is neither tower, or they end in vectors of
            different sizes.
    """

    def __init__(self,
                 trunk: Optional[dict] = None,
                 text_encoder: Optional[dict] = None,
                 similarity: Optional[str] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(None, similarity, data_preprocessor, init_cfg)
        if trunk is None and text_encoder is None:
            raise ValueError('there must be a trunk or a text_encoder, got '
                             'neither')
        self.trunk = None if trunk is None else Trunk(
            **{'mode': 'frozen', **trunk})
        self.text_encoder = (None if text_encoder is None else
                             MODELS.build(text_encoder))
        if self.trunk is not None and self.text_encoder is not None and (
                self.trunk.out_features != self.text_encoder.out_features):
            raise ValueError(
                'towers must share a space: images end in '
                f'{self.trunk.out_features} numbers, texts in '
                f'{self.text_encoder.out_features}')

    def towers(self) -> Mapping[str, nn.Module]:
        """Return the towers that there are."""
        return {name: tower for name, tower in (
            ('image', self.trunk), ('text', self.text_encoder))
            if tower is not None}

    def encode_image(self, image: Any) -> Encoded:
        """Encode images; tap ``tower``.

        Raises:
            ValueError: There is no image tower.
        """
        if self.trunk is None:
            raise ValueError('these towers encode texts alone: they take no '
                             'pictures')
        vectors = self.trunk(image).float()
        return Encoded(vectors, taps=dict(tower=vectors))

    def encode_text(self, text: Any) -> Encoded:
        """Encode texts; tap ``tower``.

        Raises:
            ValueError: There is no text tower.
        """
        if self.text_encoder is None:
            raise ValueError('these towers encode pictures alone: they take '
                             'no texts')
        vectors = self.text_encoder(text).float()
        return Encoded(vectors, taps=dict(tower=vectors))

    def loss(self, inputs: dict[str, Any],
             data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Refuse: nothing here is trained.

        Raises:
            ValueError: Always.
        """
        raise ValueError('AlignedTowers are used as they are: to train on '
                         'top of them name a method, such as CHTN, with the '
                         'same trunk and text_encoder')


def with_architectures(config: Mapping[str, Any], model: AlignedTowers
                       ) -> dict[str, Any]:
    """Put architectures in the place of folders, for a run to travel.

    Args:
        config: The config of a model whose towers are named by folders.
        model: What was built from it.
    """
    config = dict(config)
    towers: Mapping[str, Any] = model.towers()
    if 'image' in towers:
        backbone = dict(config['trunk']['backbone'],
                        architecture=towers['image'].architecture)
        config['trunk'] = dict(config['trunk'], backbone=backbone)
    if 'text' in towers:
        config['text_encoder'] = dict(
            config['text_encoder'],
            architecture=towers['text'].architecture)
    return config
