"""Convert ImageNet classifiers of other frameworks for CHTN to start from."""
from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .caffe import caffe_layers
    from .caffemodel import CaffeLayer, read_caffemodel
    from .start import backbone_of, fitted_to, start_weights
    from .torchvision_alexnet import (
        classifier_layers,
        read_state_dict,
        torchvision_layers,
    )
    from .vgg import vgg_layers

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'caffe': ('caffe_layers', ),
    'caffemodel': ('CaffeLayer', 'read_caffemodel'),
    'start': ('backbone_of', 'fitted_to', 'start_weights'),
    'torchvision_alexnet': (
        'classifier_layers', 'read_state_dict', 'torchvision_layers'),
    'vgg': ('vgg_layers', ),
})
