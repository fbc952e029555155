"""Texts: cut into words, turned into numbers, and back to words."""
from .bag_of_words import BagOfWords, TextTransform, Tokenizer
from .hf_tokens import HFTokens
from .word_indices import WordIndices

__all__ = ['BagOfWords', 'HFTokens', 'TextTransform', 'Tokenizer',
           'WordIndices']
