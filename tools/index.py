"""Build, extend or inspect an index of pictures and texts."""
from chtn_plugin.cli.index import main

if __name__ == '__main__':
    main()
