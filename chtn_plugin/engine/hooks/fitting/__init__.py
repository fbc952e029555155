"""Hooks that set what no gradient sets: closed forms and statistics."""
