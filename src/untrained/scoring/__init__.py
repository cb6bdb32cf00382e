"""Filling a score table: one network (`one_network`), a pool of them (`pool`), results on disk (`journal`).

Nothing is imported here: a scoring process loads `one_network` and no more, as what is above it takes longer to load.
"""
