"""Layouts in which public tools write pictures and texts, one a module."""
