"""Loss functions of the methods; cross entropy is torch's own."""
from typing import TYPE_CHECKING

from .._lazy import lazy_names

# At once: the function has its module's name, which would otherwise stand
# for the module as soon as anything imports that.
from .info_nce import info_nce

if TYPE_CHECKING:
    from .contrast import SupervisedContrastLoss, supervised_contrast
    from .coral import CORALLoss, coral_distance
    from .correlation import CanonicalLoss, canonical_loss
    from .likelihood import PairLikelihoodLoss, pair_likelihood
    from .mmd import MMDLoss, squared_mmd
    from .naming import loss_name
    from .pair_teacher import (
        PairTeacherLoss,
        likeliest_temperature,
        pair_teacher_loss,
        pair_teacher_targets,
    )
    from .pairwise import PairwiseLoss, pairwise_distance
    from .triplets import ClassTripletLoss, class_triplets

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'contrast': ('SupervisedContrastLoss', 'supervised_contrast'),
    'coral': ('CORALLoss', 'coral_distance'),
    'correlation': ('CanonicalLoss', 'canonical_loss'),
    'info_nce': ('info_nce', ),
    'likelihood': ('PairLikelihoodLoss', 'pair_likelihood'),
    'mmd': ('MMDLoss', 'squared_mmd'),
    'naming': ('loss_name', ),
    'pair_teacher': ('PairTeacherLoss', 'likeliest_temperature',
                     'pair_teacher_loss', 'pair_teacher_targets'),
    'pairwise': ('PairwiseLoss', 'pairwise_distance'),
    'triplets': ('ClassTripletLoss', 'class_triplets'),
})
