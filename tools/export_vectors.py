"""Write an index's vectors for Parquet, LanceDB, Qdrant or usearch."""
from chtn_plugin.cli.export_vectors import main

if __name__ == '__main__':
    main()
