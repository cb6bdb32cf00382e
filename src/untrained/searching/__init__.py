"""`search`, and reading again what a search saved."""

BATCH = 32
"""Training samples that metrics see, if the caller gives no batch."""
POOL = 256
"""Architectures to score, if the caller does not say how many."""
KEEP = 3
"""Of how many of the best queries the weights are kept, if the caller does not say."""
