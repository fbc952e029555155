"""Trunks: images to feature maps."""
from .alexnet_bn import AlexNetBN
from .hf_vision import HFVisionBackbone
from .small_conv import SmallConvNet

__all__ = ['AlexNetBN', 'HFVisionBackbone', 'SmallConvNet']
