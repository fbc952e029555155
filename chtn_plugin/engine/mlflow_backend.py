"""MLflow behind MMEngine's visualizer, with names that it takes."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from mmengine.registry import VISBACKENDS
from mmengine.visualization import MLflowVisBackend


@VISBACKENDS.register_module()
class RetrievalMLflowVisBackend(MLflowVisBackend):
    """MMEngine's back end, which ends at names such as ``hit_rate@1``.

    MLflow refuses ``@``; it becomes ``_at_``, as in MLflow's own
    ``precision_at_3``. Arguments are those of ``MLflowVisBackend``.
    """

    def add_scalar(self, name: str, value: Any, step: int = 0,
                   **kwargs: Any) -> None:
        """Log a number."""
        super().add_scalar(_taken(name), value, step, **kwargs)

    def add_scalars(self, scalar_dict: Mapping[str, Any], step: int = 0,
                    file_path: Optional[str] = None, **kwargs: Any) -> None:
        """Log numbers."""
        super().add_scalars(
            {_taken(name): value for name, value in scalar_dict.items()},
            step, file_path, **kwargs)


def _taken(name: str) -> str:
    return name.replace('@', '_at_')
