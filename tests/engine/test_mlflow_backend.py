"""Which names MLflow is given; test_docs_trackers.py runs it."""
from __future__ import annotations

from types import SimpleNamespace

from mmengine.registry import VISBACKENDS

import chtn_plugin  # noqa: F401


def test_names_that_mlflow_refuses_are_written_in_words(tmp_path):
    given = []
    backend = VISBACKENDS.build(dict(
        type='RetrievalMLflowVisBackend', save_dir=str(tmp_path)))
    backend._mlflow = SimpleNamespace(
        log_metric=lambda name, value, step: given.append(
            ({name: value}, step)),
        log_metrics=lambda values, step: given.append((values, step)))
    backend._env_initialized = True
    backend.add_scalar('retrieval/pair_hit_rate@1', .5, 4)
    backend.add_scalars({'retrieval/recall@10': .25, 'loss': 1.}, step=8)
    assert given == [({'retrieval/pair_hit_rate_at_1': .5}, 4),
                     ({'retrieval/recall_at_10': .25, 'loss': 1.}, 8)]
