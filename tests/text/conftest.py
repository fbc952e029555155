"""What a test of texts wants to see: the lines that were logged."""
from __future__ import annotations

import logging

import pytest
from mmengine.logging import MMLogger


@pytest.fixture
def logged(caplog):
    """Records of MMEngine's logger, which passes nothing to the root's."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, logger.name):
        yield caplog
    logger.removeHandler(caplog.handler)
