"""What happens around training and testing."""
from .architecture import ArchitectureHook
from .consistency import ConsistencyHook
from .exact_resume import ExactResumeHook
from .finite_loss import FiniteLossHook
from .iteration_seed import IterationSeedHook
from .retrieval_visualization import RetrievalVisualizationHook
from .safe_checkpoint import SafeCheckpointHook

__all__ = ['ArchitectureHook', 'ConsistencyHook', 'ExactResumeHook',
           'FiniteLossHook', 'IterationSeedHook',
           'RetrievalVisualizationHook', 'SafeCheckpointHook']
