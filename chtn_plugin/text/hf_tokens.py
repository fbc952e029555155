"""Turn texts into the tokens of a transformers model."""
from __future__ import annotations

import base64
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

import torch
from mmengine.logging import print_log
from mmengine.registry import TRANSFORMS

from .encoded_texts import EncodedTexts
from .text_transform import TextTransform


@TRANSFORMS.register_module()
class HFTokens(TextTransform):
    """Text to ``input_ids`` and ``attention_mask``, as ``AutoTokenizer`` does.

    The tokenizer's files are its state: they travel in every checkpoint, so
    that neither folder nor network is needed to embed new texts with it.

    How many tokens are unknown and how many texts are cut is logged for each
    data set, and stands in ``counts`` after each call.

    Args:
        model: Local folder, or name on the Hugging Face hub: the encoder's.
        max_length: Tokens L of a text that are kept, special ones included.
        prompt: What is put before every text, as some encoders want.
        lower: Whether texts are written in small letters first.
        masked: Whether the encoder is told what is padding, by a mask.
            SigLIP was trained to read it.

    Attributes:
        counts: Of the latest call: ``texts``, ``cut`` (longer than L),
            ``tokens`` (kept, special ones included), ``unknown`` among
            these.

    Raises:
        ValueError: ``max_length`` is below 2.
    """

    def __init__(self, model: str, max_length: int = 64, prompt: str = '',
                 lower: bool = False, masked: bool = True) -> None:
        if max_length < 2:
            raise ValueError(f'max_length must be at least 2, '
                             f'got {max_length}')
        self.model = model
        self.max_length = max_length
        self.prompt = prompt
        self.lower = lower
        self.masked = masked
        self.counts: dict[str, int] = {}
        self._tokenizer: Optional[Any] = None

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, read on first use.

        Raises:
            FileNotFoundError: It is no folder, and the hub does not give it.
        """
        if self._tokenizer is None:
            self._tokenizer = _loaded(self.model)
        return self._tokenizer

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Encode N texts as (N, L) int64 each, and log what was lost."""
        encoded = self._encoded(texts)
        c = self.counts
        share = c['unknown'] / max(c['tokens'], 1)
        print_log(
            f'HFTokens: {share:.1%} of {c["tokens"]} tokens are unknown; '
            f'{c["cut"]} of {c["texts"]} texts are cut to {self.max_length} '
            'tokens', logger='current',
            level=logging.WARNING if share > 0.2 else logging.INFO)
        return encoded

    def __call__(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Encode N texts as one batch; logs nothing."""
        return dict(self._encoded(texts).rows)

    def _encoded(self, texts: Sequence[str]) -> EncodedTexts:
        tokenizer = self.tokenizer
        texts = [self.prompt + text for text in texts]
        if self.lower:
            texts = [text.lower() for text in texts]
        names = [name for name in ('input_ids', 'attention_mask')
                 if name in tokenizer.model_input_names
                 and (self.masked or name == 'input_ids')]
        if not texts:
            return EncodedTexts({name: torch.zeros(
                0, self.max_length, dtype=torch.int64) for name in names})
        whole = tokenizer(texts, verbose=False)['input_ids']
        batch = tokenizer(texts, truncation=True, padding='max_length',
                          max_length=self.max_length, return_tensors='pt')
        kept = [ids[:self.max_length] for ids in whole]
        unknown = tokenizer.unk_token_id
        if unknown == tokenizer.pad_token_id:
            unknown = None
        self.counts = dict(
            texts=len(texts),
            cut=sum(len(ids) > self.max_length for ids in whole),
            tokens=sum(map(len, kept)),
            unknown=sum(ids.count(unknown) for ids in kept))
        return EncodedTexts({name: batch[name] for name in names})

    def unknown_words(self, text: str) -> Optional[tuple[list[str], int]]:
        """Find words that hold an unknown token, and count all words.

        None where the tokenizer says of no token what word it is from, or
        knows no unknown token.
        """
        tokenizer = self.tokenizer
        unknown = tokenizer.unk_token_id
        if (not tokenizer.is_fast or unknown is None
                or unknown == tokenizer.pad_token_id):
            return None
        tokens = tokenizer(text, add_special_tokens=False, verbose=False)
        words: dict[str, bool] = {}
        for place, token in enumerate(tokens['input_ids']):
            number = tokens.word_ids(0)[place]
            if number is not None:
                span = tokens.word_to_chars(number)
                word = text[span.start:span.end]
                words[word] = words.get(word, False) or token == unknown
        return [word for word, lost in words.items() if lost], len(words)

    def state(self) -> dict[str, Any]:
        """Return the tokenizer's files, in base 64, by name."""
        with tempfile.TemporaryDirectory() as folder:
            self.tokenizer.save_pretrained(folder)
            return dict(files={
                path.name: base64.b64encode(path.read_bytes()).decode()
                for path in sorted(Path(folder).iterdir())})

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the tokenizer of another one.

        Raises:
            ValueError: A file name leads out of its folder.
        """
        with tempfile.TemporaryDirectory() as folder:
            for name, content in state['files'].items():
                if Path(name).name != name:
                    raise ValueError('the files of a tokenizer must lie in '
                                     f'one folder, got {name!r}')
                (Path(folder) / name).write_bytes(base64.b64decode(content))
            self._tokenizer = _loaded(folder)


def _loaded(model: str) -> Any:
    from transformers import AutoTokenizer

    from ..storage.hf_files import hf_place, not_to_be_had
    place = hf_place(model)
    try:
        tokenizer = AutoTokenizer.from_pretrained(place)
    except OSError as error:
        raise not_to_be_had(model) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer
