"""Hooks that draw what a run retrieves."""
