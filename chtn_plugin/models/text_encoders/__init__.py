"""Text encoders: encoded texts to one vector each."""
from .bigru import BiGRU
from .word_cnn import WordCNN

__all__ = ['BiGRU', 'WordCNN']
