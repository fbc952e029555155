"""What happens around training and testing."""
from .architecture import ArchitectureHook
from .consistency import ConsistencyHook
from .iteration_seed import IterationSeedHook
from .retrieval_visualization import RetrievalVisualizationHook

__all__ = ['ArchitectureHook', 'ConsistencyHook', 'IterationSeedHook',
           'RetrievalVisualizationHook']
