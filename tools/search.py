"""Ask a trained model with a text or a picture."""
from chtn_plugin.cli.search import main

if __name__ == '__main__':
    main()
