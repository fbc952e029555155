"""Hooks that let a run be killed at any moment and go on exactly."""
