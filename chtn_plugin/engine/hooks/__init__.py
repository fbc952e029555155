"""Hooks that train and test runs register with MMEngine's Runner.

Each stands with those that serve the same end: ``checks`` refuse what does
not fit, ``fitting`` sets what no gradient does, ``pictures`` draws,
``resuming`` lets a run be killed and gone on with, ``speed`` saves time and
memory.
"""
from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .checks.consistency import ConsistencyHook
    from .checks.finite_loss import FiniteLossHook
    from .fitting.balance import BalanceHook
    from .fitting.fit import FitHook
    from .fitting.global_batch_norm import GlobalBatchNormHook
    from .fitting.temperature import TeacherTemperatureHook
    from .pictures.mirrored_test import MirroredTestHook
    from .pictures.retrieval_visualization import RetrievalVisualizationHook
    from .resuming.architecture import ArchitectureHook
    from .resuming.exact_resume import ExactResumeHook
    from .resuming.iteration_seed import IterationSeedHook
    from .resuming.safe_checkpoint import SafeCheckpointHook
    from .speed.batched_losses import BatchedLossesHook
    from .speed.bounded_history import BoundedHistoryHook
    from .speed.compiled_forward import CompiledForwardHook
    from .speed.float32_precision import Float32PrecisionHook
    from .speed.kept_memory import KeptMemoryHook

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'checks.consistency': ('ConsistencyHook', ),
    'checks.finite_loss': ('FiniteLossHook', ),
    'fitting.balance': ('BalanceHook', ),
    'fitting.fit': ('FitHook', ),
    'fitting.global_batch_norm': ('GlobalBatchNormHook', ),
    'fitting.temperature': ('TeacherTemperatureHook', ),
    'pictures.mirrored_test': ('MirroredTestHook', ),
    'pictures.retrieval_visualization': ('RetrievalVisualizationHook', ),
    'resuming.architecture': ('ArchitectureHook', ),
    'resuming.exact_resume': ('ExactResumeHook', ),
    'resuming.iteration_seed': ('IterationSeedHook', ),
    'resuming.safe_checkpoint': ('SafeCheckpointHook', ),
    'speed.batched_losses': ('BatchedLossesHook', ),
    'speed.bounded_history': ('BoundedHistoryHook', ),
    'speed.compiled_forward': ('CompiledForwardHook', ),
    'speed.float32_precision': ('Float32PrecisionHook', ),
    'speed.kept_memory': ('KeptMemoryHook', ),
})
