"""What happens around training and testing."""
from .consistency import ConsistencyHook
from .iteration_seed import IterationSeedHook

__all__ = ['ConsistencyHook', 'IterationSeedHook']
