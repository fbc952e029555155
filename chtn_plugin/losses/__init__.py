"""What is minimised. Cross entropy is torch's own."""
from .mmd import MMDLoss, squared_mmd
from .pairwise import PairwiseLoss, pairwise_distance

__all__ = ['MMDLoss', 'PairwiseLoss', 'pairwise_distance', 'squared_mmd']
