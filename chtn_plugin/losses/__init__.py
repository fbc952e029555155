"""What is minimised. Cross entropy is torch's own."""
from .coral import CORALLoss, coral_distance
from .info_nce import info_nce
from .mmd import MMDLoss, squared_mmd
from .naming import loss_name
from .pairwise import PairwiseLoss, pairwise_distance

__all__ = ['CORALLoss', 'MMDLoss', 'PairwiseLoss', 'coral_distance',
           'info_nce', 'loss_name', 'pairwise_distance', 'squared_mmd']
