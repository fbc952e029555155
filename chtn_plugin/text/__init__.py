"""Texts: cut into words, turned into numbers, and back to words."""
from .bag_of_words import BagOfWords
from .encoded_texts import EncodedTexts
from .hf_tokens import HFTokens
from .text_transform import TextTransform
from .tfidf_words import TfidfWords
from .tokenizer import Tokenizer
from .word_indices import WordIndices
from .word_transform import WordTransform

__all__ = ['BagOfWords', 'EncodedTexts', 'HFTokens', 'TextTransform',
           'TfidfWords', 'Tokenizer', 'WordIndices', 'WordTransform']
