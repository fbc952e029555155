"""Report what helps where labels are few."""
from chtn_plugin.cli.transfer_report import main

if __name__ == '__main__':
    main()
