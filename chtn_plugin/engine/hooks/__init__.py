"""What happens around training and testing."""
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

__all__ = ['ArchitectureHook', 'BalanceHook', 'BatchedLossesHook',
           'BoundedHistoryHook', 'CompiledForwardHook', 'ConsistencyHook',
           'ExactResumeHook', 'FiniteLossHook', 'FitHook',
           'Float32PrecisionHook', 'GlobalBatchNormHook', 'IterationSeedHook',
           'KeptMemoryHook', 'RetrievalVisualizationHook',
           'SafeCheckpointHook']
