"""Score embeddings of any origin under named protocols."""
from chtn_plugin.cli.score import main

if __name__ == '__main__':
    main()
