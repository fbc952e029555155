"""Keep MMEngine's optimisers from importing transformers for Adafactor.

``mmengine.optim`` imports ``transformers.Adafactor`` to register it, which
takes transformers' training code, peft, torch._dynamo and sympy along: more
CPU time than torch itself, in every run. Here Adafactor is registered when a
configuration asks for it.
"""
from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

#: The module of MMEngine that imports transformers.
BUILDER = 'mmengine.optim.optimizer.builder'


@contextmanager
def postponed_adafactor() -> Iterator[None]:
    """Let :data:`BUILDER` be imported as if transformers were not there.

    Only while that module runs: every import of transformers before or
    after is the real one. Does nothing where transformers is imported
    already, or is not installed.
    """
    if 'transformers' in sys.modules or find_spec('transformers') is None:
        yield
        return
    sys.modules['transformers'] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules['transformers']
    builder: Any = sys.modules[BUILDER]
    builder.OPTIMIZERS.module_dict.homes['Adafactor'] = _register
    builder.TRANSFORMERS_OPTIMIZERS.append('Adafactor')


def _register() -> None:
    from mmengine.registry import OPTIMIZERS
    try:
        from transformers import Adafactor
    except ImportError:
        return  # as in MMEngine: the optimiser is then unknown
    OPTIMIZERS.module_dict.homes.pop('Adafactor', None)
    OPTIMIZERS.register_module(name='Adafactor', module=Adafactor)
