"""Cut texts into words, turn them into numbers, and decode them again."""
from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .bag_of_words import BagOfWords
    from .encoded_texts import EncodedTexts
    from .hf_tokens import HFTokens
    from .text_transform import TextTransform
    from .tfidf_words import TfidfWords
    from .tokenizer import Tokenizer
    from .word_indices import WordIndices
    from .word_transform import WordTransform

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'bag_of_words': ('BagOfWords', ),
    'encoded_texts': ('EncodedTexts', ),
    'hf_tokens': ('HFTokens', ),
    'text_transform': ('TextTransform', ),
    'tfidf_words': ('TfidfWords', ),
    'tokenizer': ('Tokenizer', ),
    'word_indices': ('WordIndices', ),
    'word_transform': ('WordTransform', ),
})
