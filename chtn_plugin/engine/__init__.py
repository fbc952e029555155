"""What a run needs around MMEngine's Runner: hooks, launch, checkpoints."""
from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from . import hooks
    from .feature_cache import FeatureCacheHook
    from .fused_optimizer import FusedOptimWrapperConstructor
    from .mixed_precision import CPUAmpOptimWrapper

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'hooks': (),
    'feature_cache': ('FeatureCacheHook', ),
    'fused_optimizer': ('FusedOptimWrapperConstructor', ),
    'mixed_precision': ('CPUAmpOptimWrapper', ),
})
