"""Making data sets: a user's own folder, public sets, checks for leaks."""
