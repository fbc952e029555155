"""Write what the names of classes tell of pictures before any label does."""
import sys

from chtn_plugin.cli.make_class_prior import main

if __name__ == '__main__':
    sys.exit(main())
