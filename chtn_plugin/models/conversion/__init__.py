"""ImageNet classifiers of other frameworks, as what CHTN starts from."""
from .caffe import caffe_layers
from .caffemodel import CaffeLayer, read_caffemodel
from .start import backbone_of, fitted_to, start_weights
from .torchvision_alexnet import (
    classifier_layers,
    read_state_dict,
    torchvision_layers,
)
from .vgg import vgg_layers

__all__ = [
    'CaffeLayer', 'backbone_of', 'caffe_layers', 'classifier_layers',
    'fitted_to', 'read_caffemodel', 'read_state_dict', 'start_weights',
    'torchvision_layers', 'vgg_layers'
]
