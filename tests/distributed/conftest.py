"""What the tests of whole runs share."""
import pytest
from mmengine.config import Config


# By module: what runs after it in the same process needs the real text.
@pytest.fixture(autouse=True, scope='module')
def quick_checkpoints():
    """Leave out the formatting of the configuration in every checkpoint.

    It takes most of a tiny run's time, and no test here reads it.
    """
    kept = Config.pretty_text
    Config.pretty_text = property(lambda self: 'formatted = False\n')
    yield
    Config.pretty_text = kept
