"""Text encoders: encoded texts to one vector each."""
from .bigru import BiGRU
from .hf_text import HFTextEncoder
from .word_cnn import WordCNN

__all__ = ['BiGRU', 'HFTextEncoder', 'WordCNN']
