"""Docstrings as the site shows them: roles as code, formulas as blocks.

The package's docstrings are Google's style with the roles of Sphinx, which
editors and Sphinx read; Markdown knows neither roles nor ``.. math::``.
"""
from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r':(?:attr|class|data|func|meth|mod):`[~.]*([^`]+)`')
_INLINE = re.compile(r':math:`([^`]+)`')
_BLOCK = re.compile(r'^( *)\.\. math::(.*)\n((?:\1 +.*\n|\n)*)', re.MULTILINE)


class PlainRoles(griffe.Extension):
    """Rewrite each docstring once, when its object has been read."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Put Markdown in place of what only Sphinx reads."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)

    on_object = on_instance


def as_markdown(text: str) -> str:
    """Docstring with roles as code and formulas as LaTeX blocks."""
    text = _ROLE.sub(r'`\1`', text)
    text = _INLINE.sub(r'`\1`', text)

    def block(match: re.Match) -> str:
        indent, first, rest = match[1], match[2].strip(), match[3]
        lines = ([first] if first else []) + [
            line.strip() for line in rest.split('\n') if line.strip()]
        return '\n'.join([f'{indent}```latex',
                          *(indent + line for line in lines),
                          f'{indent}```', '', ''])
    return _BLOCK.sub(block, text + '\n').rstrip()
