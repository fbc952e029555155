"""The networks that methods are made of."""
from .._moved import moved_names
from .backbones import (
    AlexNetBN,
    EfficientNetLite0,
    HFVisionBackbone,
    SmallConvNet,
)
from .closed_form import ClosedFormModel
from .closed_form_posterior import ClosedFormPosterior
from .common_head import CommonHead
from .cross_modal_model import CrossModalModel, Encoded
from .data_preprocessor import CrossModalDataPreprocessor
from .identity_pathway import IdentityPathway
from .instance_maps import InstanceMaps
from .pathways import Pathway, VectorTextEncoder
from .text_encoders import BiGRU, HFTextEncoder, WordCNN
from .trunk import Trunk
from .two_tower_model import TwoTowerModel

__all__ = [
    'AlexNetBN', 'BiGRU', 'ClosedFormModel', 'ClosedFormPosterior',
    'CommonHead', 'CrossModalDataPreprocessor', 'CrossModalModel',
    'EfficientNetLite0', 'Encoded', 'HFTextEncoder', 'HFVisionBackbone',
    'IdentityPathway', 'InstanceMaps', 'Pathway', 'SmallConvNet', 'Trunk',
    'TwoTowerModel', 'VectorTextEncoder', 'WordCNN'
]

__getattr__ = moved_names(__name__, {
    'CHTN': 'chtn_plugin.methods',
    'CPUAmpOptimWrapper': 'chtn_plugin.engine'})
