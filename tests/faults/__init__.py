"""What a search, a scoring, a bench, a training and a report go through: see `__main__`."""
