"""Networks that methods are made of, and the contract of a method."""
from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .aligned_towers import AlignedTowers
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
    from .text_encoders import BiGRU, HFTextEncoder, SentenceEncoder, WordCNN
    from .trunk import Trunk
    from .two_tower_model import TwoTowerModel

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'aligned_towers': ('AlignedTowers', ),
    'backbones': (
        'AlexNetBN', 'EfficientNetLite0', 'HFVisionBackbone', 'SmallConvNet'),
    'closed_form': ('ClosedFormModel', ),
    'closed_form_posterior': ('ClosedFormPosterior', ),
    'common_head': ('CommonHead', ),
    'cross_modal_model': ('CrossModalModel', 'Encoded'),
    'data_preprocessor': ('CrossModalDataPreprocessor', ),
    'identity_pathway': ('IdentityPathway', ),
    'instance_maps': ('InstanceMaps', ),
    'pathways': ('Pathway', 'VectorTextEncoder'),
    'text_encoders': (
        'BiGRU', 'HFTextEncoder', 'SentenceEncoder', 'WordCNN'),
    'trunk': ('Trunk', ),
    'two_tower_model': ('TwoTowerModel', ),
}, moved={
    'CHTN': 'chtn_plugin.methods',
    'CPUAmpOptimWrapper': 'chtn_plugin.engine'})
