"""Retrieval methods, a file each, each with its paper."""
from .chtn import CHTN

__all__ = ['CHTN']
