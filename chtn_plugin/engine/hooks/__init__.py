"""Hooks that train and test runs register with MMEngine's Runner."""
from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .architecture import ArchitectureHook
    from .balance import BalanceHook
    from .batched_losses import BatchedLossesHook
    from .bounded_history import BoundedHistoryHook
    from .compiled_forward import CompiledForwardHook
    from .consistency import ConsistencyHook
    from .exact_resume import ExactResumeHook
    from .finite_loss import FiniteLossHook
    from .fit import FitHook
    from .float32_precision import Float32PrecisionHook
    from .global_batch_norm import GlobalBatchNormHook
    from .iteration_seed import IterationSeedHook
    from .kept_memory import KeptMemoryHook
    from .retrieval_visualization import RetrievalVisualizationHook
    from .safe_checkpoint import SafeCheckpointHook

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'architecture': ('ArchitectureHook', ),
    'balance': ('BalanceHook', ),
    'batched_losses': ('BatchedLossesHook', ),
    'bounded_history': ('BoundedHistoryHook', ),
    'compiled_forward': ('CompiledForwardHook', ),
    'consistency': ('ConsistencyHook', ),
    'exact_resume': ('ExactResumeHook', ),
    'finite_loss': ('FiniteLossHook', ),
    'fit': ('FitHook', ),
    'float32_precision': ('Float32PrecisionHook', ),
    'global_batch_norm': ('GlobalBatchNormHook', ),
    'iteration_seed': ('IterationSeedHook', ),
    'kept_memory': ('KeptMemoryHook', ),
    'retrieval_visualization': ('RetrievalVisualizationHook', ),
    'safe_checkpoint': ('SafeCheckpointHook', ),
})
