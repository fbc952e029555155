"""Text encoders: networks that turn an encoded text into one vector."""
from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .bigru import BiGRU
    from .hf_text import HFTextEncoder
    from .sentence_encoder import SentenceEncoder
    from .word_cnn import WordCNN

__getattr__, __dir__, __all__ = lazy_names(__name__, {
    'bigru': ('BiGRU', ),
    'hf_text': ('HFTextEncoder', ),
    'sentence_encoder': ('SentenceEncoder', ),
    'word_cnn': ('WordCNN', ),
})
