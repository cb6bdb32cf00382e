"""A record of a forward pass, operation by operation, so that tangents can be pushed through it once more."""
