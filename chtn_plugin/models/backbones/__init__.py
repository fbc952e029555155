"""Trunks: images to feature maps."""
from .alexnet_bn import AlexNetBN
from .small_conv import SmallConvNet

__all__ = ['AlexNetBN', 'SmallConvNet']
