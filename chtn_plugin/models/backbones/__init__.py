"""Trunks: images to feature maps."""
from .alexnet_bn import AlexNetBN
from .efficientnet_lite import EfficientNetLite0
from .hf_vision import HFVisionBackbone
from .small_conv import SmallConvNet

__all__ = ['AlexNetBN', 'EfficientNetLite0', 'HFVisionBackbone',
           'SmallConvNet']
