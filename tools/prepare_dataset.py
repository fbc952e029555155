"""Prepare a public data set: check it, write its manifest, record hashes."""
import sys

from chtn_plugin.cli.prepare_dataset import main

if __name__ == '__main__':
    sys.exit(main())
