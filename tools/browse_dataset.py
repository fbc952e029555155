"""Draw what the network really sees: batches after every transform."""
from chtn_plugin.cli.browse_dataset import main

if __name__ == '__main__':
    main()
