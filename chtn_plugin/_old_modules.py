"""Modules that have moved are still found under their old paths.

An old module is an empty one whose names are looked up in the modules that
hold them now, with a warning that says which. It is made when it is imported;
until then it costs nothing.
"""
from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Optional

_PACKAGE = __name__.partition('.')[0]
#: Where the names of each module of release 0.1 live now, all below the
#: package; of several modules the first that has the name.
OLD_MODULES = {
    'apis.approximate': 'evaluation.approximate',
    'apis.checkpoints': 'engine.checkpoints storage.torch_files',
    'apis.exact_search': 'evaluation.exact_search',
    'apis.figures': 'engine.figures',
    'apis.launch':
        'engine.launch engine.processes engine.work_dir cli.command _errors',
    'apis.onnx_export': 'export.onnx_export export.onnx_parity',
    'apis.onnx_runtime': 'export.onnx_runtime',
    'apis.options': 'engine.options',
    'apis.plain_config': 'engine.plain_config',
    'apis.precision': 'engine.precision',
    'apis.publish': 'export.publish',
    'apis.resume': 'engine.resume engine.checkpoints',
    'datasets.checked_data': 'curation.checked_data',
    'datasets.doctor': 'curation.doctor',
    'datasets.feature_cache': 'engine.feature_cache',
    'datasets.feature_store': 'storage.row_store',
    'datasets.hf_tokens': 'text.hf_tokens',
    'datasets.image_facts':
        'curation.image_facts curation.near_duplicates',
    'datasets.own_data':
        'curation.own_pairs curation.own_data curation.own_tables',
    'datasets.preparation': 'curation.preparation',
    'datasets.preparation.archives': 'storage.archives',
    'datasets.preparation.base':
        'curation.preparation.base curation.image_facts',
    'datasets.preparation.download': 'storage.download',
    'datasets.preparation.feature_files': 'storage.archives storage.arrays',
    'datasets.preparation.features': 'curation.preparation.features',
    'datasets.preparation.imagenet': 'curation.preparation.imagenet',
    'datasets.preparation.nuswide': 'curation.preparation.nuswide',
    'datasets.preparation.own_config': 'curation.own_config',
    'datasets.preparation.pairs': 'curation.preparation.pairs',
    'datasets.preparation.pascal': 'curation.preparation.pascal',
    'datasets.preparation.tables': 'curation.own_tables storage.tables',
    'datasets.preparation.verify': 'curation.preparation.verify',
    'datasets.preparation.wiki':
        'curation.preparation.wiki datasets.wikipedia_files',
    'datasets.seen_text': 'text.decoding',
    'datasets.text':
        'text.bag_of_words text.tokenizer text.text_transform '
        'text.encoded_texts',
    'datasets.word_indices': 'text.word_indices',
    'datasets.word_vectors': 'text.word_vectors',
    'hooks.architecture': 'engine.hooks.resuming.architecture',
    'hooks.atomic_backend': 'engine.hooks.resuming.atomic_backend',
    'hooks.bounded_history': 'engine.hooks.speed.bounded_history',
    'hooks.compiled_forward': 'engine.hooks.speed.compiled_forward',
    'hooks.consistency': 'engine.hooks.checks.consistency',
    'hooks.exact_resume': 'engine.hooks.resuming.exact_resume',
    'hooks.finite_loss': 'engine.hooks.checks.finite_loss',
    'hooks.global_batch_norm': 'engine.hooks.fitting.global_batch_norm',
    'hooks.iteration_seed': 'engine.hooks.resuming.iteration_seed',
    'hooks.kept_memory': 'engine.hooks.speed.kept_memory',
    'hooks.retrieval_visualization':
        'engine.hooks.pictures.retrieval_visualization',
    'hooks.safe_checkpoint': 'engine.hooks.resuming.safe_checkpoint',
    'models.chtn': 'methods.chtn',
    'models.hf_loading': 'storage.hf_files',
    'models.mixed_precision': 'engine.mixed_precision',
}


class _OldModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and makes them."""

    def find_spec(self, fullname: str, path: Optional[Sequence[str]] = None,
                  target: Optional[ModuleType] = None
                  ) -> Optional[importlib.machinery.ModuleSpec]:
        """Return how an old module is made; None for any other."""
        package, _, name = fullname.partition('.')
        if package != _PACKAGE or name not in OLD_MODULES:
            return None
        below = any(old.startswith(f'{name}.') for old in OLD_MODULES)
        return importlib.machinery.ModuleSpec(fullname, self,
                                              is_package=below)

    def exec_module(self, module: ModuleType) -> None:
        """Give a module its way to find names."""
        old = module.__name__
        homes = [f'{_PACKAGE}.{home}' for home in
                 OLD_MODULES[old.partition('.')[2]].split()]

        def __getattr__(name: str) -> Any:
            if not name.startswith('__'):
                for home in homes:
                    holder = importlib.import_module(home)
                    if hasattr(holder, name):
                        warnings.warn(
                            f'{old}.{name} has moved: import it from {home}',
                            DeprecationWarning, stacklevel=2)
                        return getattr(holder, name)
            raise AttributeError(f'module {old!r} has no attribute {name!r}')

        module.__getattr__ = __getattr__  # type: ignore[method-assign]


def find_old_modules() -> None:
    """Have old paths found from now on, after all others."""
    if not any(isinstance(finder, _OldModules) for finder in sys.meta_path):
        sys.meta_path.append(_OldModules())
