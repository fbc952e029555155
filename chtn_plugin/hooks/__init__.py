"""What happens around training and testing."""
from .consistency import ConsistencyHook
from .iteration_seed import IterationSeedHook
from .retrieval_visualization import RetrievalVisualizationHook

__all__ = ['ConsistencyHook', 'IterationSeedHook',
           'RetrievalVisualizationHook']
