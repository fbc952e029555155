"""Suggest labels."""
from chtn_plugin.cli.suggest_labels import main

if __name__ == '__main__':
    main()
