"""Gradients sample by sample, from one backward pass over the batch."""
