"""Test a checkpoint, and print the retrieval figures."""
from chtn_plugin.cli.test import main

if __name__ == '__main__':
    main()
