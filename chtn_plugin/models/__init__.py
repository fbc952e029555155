"""What is computed."""
from .backbones import AlexNetBN, HFVisionBackbone, SmallConvNet
from .chtn import CHTN
from .common_head import CommonHead
from .data_preprocessor import CrossModalDataPreprocessor
from .identity_pathway import IdentityPathway
from .mixed_precision import CPUAmpOptimWrapper
from .pathways import Pathway, VectorTextEncoder
from .text_encoders import BiGRU, HFTextEncoder, WordCNN
from .trunk import Trunk

__all__ = [
    'AlexNetBN', 'BiGRU', 'CHTN', 'CPUAmpOptimWrapper', 'CommonHead',
    'CrossModalDataPreprocessor', 'HFTextEncoder', 'HFVisionBackbone',
    'IdentityPathway', 'Pathway', 'SmallConvNet', 'Trunk',
    'VectorTextEncoder', 'WordCNN'
]
