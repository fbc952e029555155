"""Compare methods over their seeds, query by query."""
from chtn_plugin.cli.compare import main

if __name__ == '__main__':
    main()
