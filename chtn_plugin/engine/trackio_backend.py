"""Trackio behind MMEngine's visualizer, which has no back end of its own."""
from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Optional

import numpy as np
from mmengine.config import Config
from mmengine.registry import VISBACKENDS
from mmengine.visualization.vis_backend import BaseVisBackend, force_init_env


@VISBACKENDS.register_module()
class TrackioVisBackend(BaseVisBackend):
    """Logs scalars, pictures and the configuration to trackio.

    Args:
        save_dir: As every back end gets it; trackio keeps its own folder
            (``TRACKIO_DIR``).
        project: Name of the project.
        init_kwargs: Further options of ``trackio.init``: ``name``,
            ``space_id``, ….

    Raises:
        ImportError: trackio is not installed.
    """

    def __init__(self, save_dir: str, project: str = 'chtn_plugin',
                 init_kwargs: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(save_dir)
        self.project = project
        self.init_kwargs = dict(init_kwargs or {})
        self._trackio: Any = None

    def _init_env(self) -> None:
        try:
            import trackio
        except ImportError as error:
            raise ImportError('TrackioVisBackend needs trackio: pip install '
                              'trackio') from error
        self._trackio = trackio
        trackio.init(project=self.project, **self.init_kwargs)

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The module trackio, with a run that has begun."""
        return self._trackio

    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Begin the run with a configuration, as plain values.

        trackio takes it at the beginning alone: of a run that has begun it is
        not kept.
        """
        if not self._env_initialized:
            self.init_kwargs.setdefault('config', json.loads(
                json.dumps(config.to_dict(), default=str)))
        self.experiment  # noqa: B018

    @force_init_env
    def add_image(self, name: str, image: np.ndarray, step: int = 0,
                  **kwargs: Any) -> None:
        """Log a picture, uint8 (H, W, 3) RGB."""
        self._trackio.log({name: self._trackio.Image(image)}, step=step)

    def add_scalar(self, name: str, value: Any, step: int = 0,
                   **kwargs: Any) -> None:
        """Log a number."""
        self.add_scalars({name: value}, step)

    @force_init_env
    def add_scalars(self, scalar_dict: Mapping[str, Any], step: int = 0,
                    file_path: Optional[str] = None, **kwargs: Any) -> None:
        """Log numbers; whatever is none is left out."""
        numbers = {}
        for name, value in scalar_dict.items():
            with suppress(TypeError, ValueError):
                numbers[name] = float(value)
        self._trackio.log(numbers, step=step)

    def close(self) -> None:
        """End the run."""
        if self._trackio is not None:
            self._trackio.finish()
            self._trackio = None
            self._env_initialized = False
