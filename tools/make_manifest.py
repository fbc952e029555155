"""Make a checked manifest and a configuration from your own data."""
import sys

from chtn_plugin.cli.make_manifest import main

if __name__ == '__main__':
    sys.exit(main())
