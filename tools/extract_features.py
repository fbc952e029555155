"""Encode a split of a run's data, or pictures and texts of your own."""
from chtn_plugin.cli.extract_features import main

if __name__ == '__main__':
    main()
