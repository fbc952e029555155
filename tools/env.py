"""Describe the environment, for a bug report."""
from chtn_plugin.cli.env import main

if __name__ == '__main__':
    main()
