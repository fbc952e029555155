"""Retrieval methods, one file for each, with the paper it follows."""
from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .acmr import ACMR
    from .asif import ASIF
    from .cca import CCA
    from .chtn import CHTN
    from .dcca import DCCA
    from .dckt import DCKT
    from .deep_sm import DeepSM
    from .dscmr import DSCMR
    from .kernel_cca import KernelCCA
    from .mhtn import MHTN
    from .nearest_class_mean import NearestClassMean
    from .pair_contrast import PairContrast
    from .rbf_least_squares import RBFLeastSquares
    from .ridge_map import RidgeMap
    from .self_training import SelfTraining
    from .semantic_matching import SemanticMatching
    from .shrunken_lda import ShrunkenLDA
    from .sup_con import SupCon
    from .three_view_cca import ThreeViewCCA

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'acmr': ('ACMR', ),
    'asif': ('ASIF', ),
    'cca': ('CCA', ),
    'chtn': ('CHTN', ),
    'dcca': ('DCCA', ),
    'dckt': ('DCKT', ),
    'deep_sm': ('DeepSM', ),
    'dscmr': ('DSCMR', ),
    'kernel_cca': ('KernelCCA', ),
    'mhtn': ('MHTN', ),
    'nearest_class_mean': ('NearestClassMean', ),
    'pair_contrast': ('PairContrast', ),
    'rbf_least_squares': ('RBFLeastSquares', ),
    'ridge_map': ('RidgeMap', ),
    'self_training': ('SelfTraining', ),
    'semantic_matching': ('SemanticMatching', ),
    'shrunken_lda': ('ShrunkenLDA', ),
    'sup_con': ('SupCon', ),
    'three_view_cca': ('ThreeViewCCA', ),
})
