"""What stands around MMEngine's Runner: hooks, launching, checkpoints."""
from . import hooks
from .feature_cache import FeatureCacheHook
from .mixed_precision import CPUAmpOptimWrapper

__all__ = ['CPUAmpOptimWrapper', 'FeatureCacheHook', 'hooks']
