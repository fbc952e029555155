"""Cut texts into tokens: words of every script, or characters, and n-grams.

The rule is a normaliser and regular expressions of the ``tokenizers`` library.
One ``tokenizer.json`` therefore carries it, with the vocabulary, into the
checkpoint, into the ONNX export and to programs in other languages. Within
Python the standard library's ``re`` follows the same rule: it needs a fifth of
the time, and the tests compare both over all of Unicode.
"""
from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any, Optional

from ..checks import check_choice

# Scripts written without spaces: each character is a token of its own.
_UNSPACED = ('\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff'  # Thai to Khmer
             '\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff'
             '\U00020000-\U0003ffff')
# Marks that belong to a symbol (a keycap) or choose among glyphs: they are
# part of no word.
_SYMBOL_MARKS = '\ufe00-\ufe0f\u20d0-\u20ff\U000e0100-\U000e01ef'
# Zero-width (non-)joiners: part of a word where they touch a mark, as in
# Sinhala and Bengali conjuncts.
_JOINERS = '\u200c\u200d'
_PLAIN = {'word': re.compile(rf'[{_UNSPACED}]|[^\W{_UNSPACED}]+'),
          'character': re.compile(r'\S')}


class Tokenizer:
    """Splits a text into tokens, and joins neighbours into n-grams.

    A combining mark belongs to the letter before it, so that words of Hindi,
    Tamil or vocalised Arabic stay whole, and a text is composed first (Unicode
    normal form C), so that both spellings of an é are one.

    Args:
        unit: ``'word'``: runs of letters and digits, and each character of
            scripts written without spaces (Chinese, Japanese, Thai, …).
            ``'character'``: each character that is not white space.
        ngrams: Shortest and longest n-gram, in units.
        lowercase: Whether case is ignored.
        stop_words: Words left out (before n-grams are joined).
        marks: Whether marks are treated as above. False: they part words and
            nothing is composed, as in checkpoints whose text state is a list
            of terms or words.

    Raises:
        ValueError: An option is not one of those above.
    """

    def __init__(self,
                 unit: str = 'word',
                 ngrams: tuple[int, int] = (1, 1),
                 lowercase: bool = True,
                 stop_words: Sequence[str] = (),
                 marks: bool = True) -> None:
        check_choice('unit', unit, _PLAIN)
        first, last = ngrams
        if not 1 <= first <= last:
            raise ValueError('ngrams must be (shortest, longest) with '
                             f'1 <= shortest <= longest, got {ngrams}')
        self.unit = unit
        self.ngrams = (first, last)
        self.lowercase = lowercase
        self.marks = marks
        self.stop_words = frozenset(map(self._composed, stop_words))
        # Of a rule that was stored elsewhere: it is followed to the letter.
        self._stored: Optional[Any] = None
        self._built: Optional[Any] = None

    def __call__(self, text: str) -> list[str]:
        """Tokens of a text, in order; n-grams after the shorter ones."""
        units = self._units(text)
        if self.ngrams == (1, 1):
            return units
        return [gram for n in range(self.ngrams[0], self.ngrams[1] + 1)
                for gram in map(' '.join, zip(*(units[start:] for start in
                                                range(n)), strict=False))]

    @property
    def rule(self) -> Any:
        """The rule as a ``tokenizers.Tokenizer``, with no vocabulary."""
        if self._stored is not None:
            return self._stored
        if self._built is None:
            self._built = _built(self.unit, self.lowercase, self.marks,
                                 sorted(self.stop_words))
        return self._built

    def with_rule(self, rule: Any) -> Tokenizer:
        """Return this tokenizer with a stored rule, n-grams as here.

        Args:
            rule: A ``tokenizers.Tokenizer`` whose normaliser and
                pre-tokeniser are to be followed.
        """
        tokenizer = Tokenizer(self.unit, self.ngrams, self.lowercase,
                              sorted(self.stop_words), self.marks)
        if _parts(rule) != _parts(tokenizer.rule):
            tokenizer._stored = rule
        return tokenizer

    def without_marks(self) -> Tokenizer:
        """Return this tokenizer with the rule of earlier versions."""
        return Tokenizer(self.unit, self.ngrams, self.lowercase,
                         sorted(self.stop_words), marks=False)

    def _units(self, text: str) -> list[str]:
        if self._stored is not None:
            return by_library(self._stored, text)
        pattern = _PLAIN[self.unit]
        if self.marks and not text.isascii():
            rare, mark, with_marks = _unicode_patterns()
            if rare.search(text):
                return by_library(self.rule, text)
            text = unicodedata.normalize('NFC', text)
            if self.unit == 'word' and mark.search(text):
                pattern = with_marks
        units = pattern.findall(text.lower() if self.lowercase else text)
        if self.stop_words:
            units = [unit for unit in units if unit not in self.stop_words]
        return units

    def _composed(self, word: str) -> str:
        return unicodedata.normalize('NFC', word) if self.marks else word


def is_unspaced(texts: Sequence[str]) -> bool:
    """Whether most words of texts are of scripts written without spaces.

    There each character counts as a word, as :class:`Tokenizer` has it.
    """
    unspaced = re.compile(f'[{_UNSPACED}]')
    characters = words = 0
    for text in texts:
        characters += len(unspaced.findall(text))
        words += len(_PLAIN['word'].findall(text))
    return 2 * characters > words


def by_library(rule: Any, text: str) -> list[str]:
    """Split a text by the ``tokenizers`` library: what the rule means.

    Args:
        rule: A ``tokenizers.Tokenizer``.
        text: Any text. Halves of a surrogate pair, which are no characters,
            become U+FFFD.
    """
    text = text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')
    if rule.normalizer is not None:
        text = rule.normalizer.normalize_str(text)
    return [unit for unit, _ in rule.pre_tokenizer.pre_tokenize_str(text)]


@cache
def _unicode_patterns() -> tuple[re.Pattern[str], ...]:
    """Patterns of rare characters, of marks, and of words with marks.

    Marks have no name in ``re``, so their ranges are listed, once a process.
    Rare are characters that this Python's Unicode lacks (the library may know
    their case, and whether they are letters), and those beyond 16 bits save
    emoji and Chinese: classes of 16 bits are what ``re`` runs through fast.
    """
    unspaced = re.compile(f'[{_UNSPACED}]')
    symbol_mark = re.compile(f'[{_SYMBOL_MARKS}]')
    rare, marks, parts = [], [], []
    for code in range(0x10000):
        char = chr(code)
        category = unicodedata.category(char)
        if category in ('Cn', 'Cs'):
            rare.append(code)
        elif unspaced.match(char):
            continue
        elif category[0] == 'M' and not symbol_mark.match(char):
            marks.append(code)
            parts.append(code)
        elif char == '_' or char.isalnum():
            parts.append(code)
    mark, row = f'[{_ranges(marks)}]', f'[{_ranges(parts)}]*'
    return (
        re.compile(f'[{_ranges(rare)}\U00010000-\U0001f10c'
                   '\U0001fb00-\U0001ffff\U00040000-\U0010ffff]'),
        # Lower case makes a mark of U+0130 alone.
        re.compile(f'{mark}|\u0130'),
        # A row is of letters and marks; a joiner has a mark beside it.
        re.compile(rf'[{_UNSPACED}]|[^\W{_UNSPACED}]{row}'
                   rf'(?:(?:(?<={mark})[{_JOINERS}]|[{_JOINERS}](?={mark}))'
                   rf'{row})*'))


def _ranges(codes: Sequence[int]) -> str:
    """Ascending code points as ranges of a character class."""
    spans: list[list[int]] = []
    for code in codes:
        if spans and spans[-1][1] == code - 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return ''.join(f'{chr(first)}-{chr(last)}' for first, last in spans)


def _built(unit: str, lowercase: bool, marks: bool,
           stop_words: Sequence[str]) -> Any:
    """The rule in the library's terms."""
    from tokenizers import Regex, models, normalizers, pre_tokenizers
    from tokenizers import Tokenizer as Rule
    # What Python's \s holds beyond the library's.
    pattern = r'[^\s\x{1c}-\x{1f}]'
    if unit == 'word':
        unspaced = _escaped(_UNSPACED)
        letter = rf'[[\p{{L}}\p{{N}}_]&&[^{unspaced}]]'
        mark = rf'[\p{{M}}&&[^{unspaced}{_escaped(_SYMBOL_MARKS)}]]'
        joiner = f'[{_escaped(_JOINERS)}]'
        pattern = rf'[{unspaced}]|{letter}+'
        if marks:
            pattern += rf'(?:{joiner}?{mark}+{joiner}?{letter}*)*'
    rule = Rule(models.WordLevel({'[UNK]': 0}, unk_token='[UNK]'))
    steps: list[Any] = [normalizers.NFC()] if marks else []
    if lowercase:
        # The library's own lowering knows no sigma at the end of a word.
        steps += [normalizers.Replace(Regex(
            r'\p{Cased}\p{Case_Ignorable}*\KΣ'
            r'(?!\p{Case_Ignorable}*\p{Cased})'), 'ς'),
            normalizers.Lowercase()]
    if steps:
        rule.normalizer = normalizers.Sequence(steps)
    split: Any = pre_tokenizers.Split(Regex(pattern), 'removed', invert=True)
    if stop_words:
        left_out = '|'.join(map(_escaped_word, stop_words))
        split = pre_tokenizers.Sequence([split, pre_tokenizers.Split(
            Regex(rf'\A(?:{left_out})\z'), 'removed')])
    rule.pre_tokenizer = split
    return rule


def _escaped(ranges: str) -> str:
    """Ranges of characters as the library's expressions take them."""
    return ''.join(char if char == '-' else _escaped_word(char)
                   for char in ranges)


def _escaped_word(word: str) -> str:
    return ''.join(f'\\x{{{ord(char):x}}}' for char in word)


def _parts(rule: Any) -> tuple[Any, Any]:
    """What of a rule decides how a text is split."""
    stored = json.loads(rule.to_str())
    return stored['normalizer'], stored['pre_tokenizer']
