"""One function for each thing that somebody does."""
