"""Retrieval methods, a file each, each with its paper."""
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

__all__ = ['ASIF', 'CCA', 'CHTN', 'KernelCCA', 'NearestClassMean',
           'RBFLeastSquares', 'RidgeMap', 'SemanticMatching', 'ShrunkenLDA',
           'ThreeViewCCA']
