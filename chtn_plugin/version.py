"""Version of chtn_plugin, read by setup.cfg and stored in checkpoints."""

__version__ = '0.1.0'
