"""Hooks that save time and memory and change no result."""
