"""Fixtures shared by the tests of the preparations."""
from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from chtn_plugin.curation.preparation import PREPARATIONS, prepare


@pytest.fixture
def run():
    """Prepare a set as the tool does; return what it said."""
    def call(name: str, source: Path | None, out: Path, *args: str) -> str:
        parser = argparse.ArgumentParser()
        PREPARATIONS[name].add_arguments(parser)
        said: list[str] = []
        prepare(PREPARATIONS[name], source, out, parser.parse_args(args),
                said.append)
        return '\n'.join(said)
    return call
