"""Make data sets: from a user's own files or public sets, checked."""
