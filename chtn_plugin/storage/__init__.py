"""Read and write files of every kind, with care."""
