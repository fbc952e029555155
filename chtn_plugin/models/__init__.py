"""What is computed."""
from .backbones import AlexNetBN, SmallConvNet
from .chtn import CHTN
from .common_head import CommonHead
from .data_preprocessor import CrossModalDataPreprocessor
from .pathways import Pathway, VectorTextEncoder
from .text_encoders import BiGRU, WordCNN
from .trunk import Trunk

__all__ = [
    'AlexNetBN', 'BiGRU', 'CHTN', 'CommonHead', 'CrossModalDataPreprocessor',
    'Pathway', 'SmallConvNet', 'Trunk', 'VectorTextEncoder', 'WordCNN'
]
