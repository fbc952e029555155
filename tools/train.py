"""Train a model from a configuration, with MMEngine's Runner."""
from chtn_plugin.cli.train import main

if __name__ == '__main__':
    main()
