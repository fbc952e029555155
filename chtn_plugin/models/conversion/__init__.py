"""ImageNet classifiers of other frameworks, as what CHTN starts from."""
from .caffe import caffe_layers
from .caffemodel import CaffeLayer, read_caffemodel
from .start import fitted_to, start_weights
from .torchvision_alexnet import read_state_dict, torchvision_layers

__all__ = [
    'CaffeLayer', 'caffe_layers', 'fitted_to', 'read_caffemodel',
    'read_state_dict', 'start_weights', 'torchvision_layers'
]
