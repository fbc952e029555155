"""Look for leaks and breakage in a data set, before they cost a run."""
import sys

from chtn_plugin.cli.check_data import main

if __name__ == '__main__':
    sys.exit(main())
