"""Data of a user's own: arrays, data sets and loaders of PyTorch, and functions that make these."""
