"""Retrieval methods, a file each, each with its paper."""
from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .asif import ASIF
    from .cca import CCA
    from .chtn import CHTN
    from .kernel_cca import KernelCCA
    from .nearest_class_mean import NearestClassMean
    from .rbf_least_squares import RBFLeastSquares
    from .ridge_map import RidgeMap
    from .semantic_matching import SemanticMatching
    from .shrunken_lda import ShrunkenLDA
    from .three_view_cca import ThreeViewCCA

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'asif': ('ASIF', ),
    'cca': ('CCA', ),
    'chtn': ('CHTN', ),
    'kernel_cca': ('KernelCCA', ),
    'nearest_class_mean': ('NearestClassMean', ),
    'rbf_least_squares': ('RBFLeastSquares', ),
    'ridge_map': ('RidgeMap', ),
    'semantic_matching': ('SemanticMatching', ),
    'shrunken_lda': ('ShrunkenLDA', ),
    'three_view_cca': ('ThreeViewCCA', ),
})
