"""What the tests of whole runs share."""
import pytest


@pytest.fixture(autouse=True, scope='module')
def _quick_checkpoints(quick_checkpoints):
    """No test of this folder reads the configuration in a checkpoint."""
