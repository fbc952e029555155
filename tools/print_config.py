"""Print a configuration as it is once everything is merged."""
from chtn_plugin.cli.print_config import main

if __name__ == '__main__':
    main()
