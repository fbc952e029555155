"""Hooks that stop a run which cannot give a sound result."""
