"""Compare methods at equal budget."""
from chtn_plugin.cli.benchmark import main

if __name__ == '__main__':
    main()
