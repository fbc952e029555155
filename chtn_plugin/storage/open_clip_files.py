"""Load models of the open_clip package by name, folder or configuration."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

#: What a name begins with that means such a model.
SCHEME = 'open_clip:'


def load_open_clip(name: str) -> tuple[Any, dict[str, Any]]:
    """Load a model with its weights.

    Args:
        name: As open_clip names it: ``'local-dir:DIR'``,
            ``'hf-hub:USER/NAME'``, or ``'ARCHITECTURE/TAG'``, where TAG may
            be a file of weights. ``'open_clip:'`` may stand before it.

    Returns:
        The model, in float32 on the processor, and what rebuilds it: the
        ``model_cfg`` of open_clip.

    Raises:
        ImportError: open_clip is not installed.
        FileNotFoundError: It cannot be had.
        ValueError: There is no such model, or it is of another kind than
            CLIP.
    """
    open_clip = _package()
    name = name.removeprefix(SCHEME)
    inside, tag = name, None
    if not name.startswith(('local-dir:', 'hf-hub:')):
        inside, _, tag = name.partition('/')
        if not tag:
            raise ValueError('a model of open_clip must be named with its '
                             f'weights, ARCHITECTURE/TAG, got {name!r}')
    try:
        config = open_clip.factory.get_model_config(inside)
        if config is None:
            raise ValueError(f'open_clip knows no {inside!r}; it has '
                             f'{open_clip.list_models()[:5]}, ...')
        _check(config, name)
        model = open_clip.create_model(inside, tag, require_pretrained=True)
    except ValueError:
        raise
    # Of the network, the file system and torch alike.
    except Exception as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileNotFoundError(f'the open_clip model {name!r} cannot be had '
                                f'from here: {first}') from error
    return model.float().eval(), dict(config)


def build_open_clip(config: Mapping[str, Any]) -> Any:
    """Build a model with random weights from its ``model_cfg``."""
    _check(config, 'this architecture')
    return _package().model.CLIP(**dict(config)).eval()


def pixels_of(model: Any) -> dict[str, Any]:
    """Return how a loaded model wants its pictures prepared."""
    return dict(model.visual.preprocess_cfg)


def tokens_of(texts: list[str], context_length: int) -> Any:
    """Split texts as open_clip does, (N, context_length) int64."""
    return _tokenizer(context_length)(texts)


_known: dict[int, Any] = {}


def _tokenizer(context_length: int) -> Any:
    if context_length not in _known:
        _known[context_length] = _package().SimpleTokenizer(
            context_length=context_length)
    return _known[context_length]


def _check(config: Mapping[str, Any], name: str) -> None:
    text = config.get('text_cfg', {})
    odd: Optional[str] = next(
        (key for key in ('hf_model_name', 'hf_tokenizer_name',
                         'tokenizer_kwargs') if text.get(key)), None)
    if odd or 'multimodal_cfg' in config or config.get('custom_text'):
        raise ValueError(
            "only open_clip's own text towers and tokenizer are read: "
            f'{name} has {odd or "a custom text tower"}. Many such models '
            'have a twin in transformers, towers:USER/NAME')


def _package() -> Any:
    try:
        import open_clip
    except ImportError as error:
        raise ImportError('this needs the open_clip package: pip install '
                          'open_clip_torch') from error
    return open_clip
