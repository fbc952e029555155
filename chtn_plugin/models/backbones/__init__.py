"""Backbones: networks that turn images into feature maps."""
from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .alexnet_bn import AlexNetBN
    from .efficientnet_lite import EfficientNetLite0
    from .hf_vision import HFVisionBackbone
    from .small_conv import SmallConvNet

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'alexnet_bn': ('AlexNetBN', ),
    'efficientnet_lite': ('EfficientNetLite0', ),
    'hf_vision': ('HFVisionBackbone', ),
    'small_conv': ('SmallConvNet', ),
})
