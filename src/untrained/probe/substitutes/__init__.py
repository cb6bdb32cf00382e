"""Functions that stand in for PyTorch's: the same values, in any memory format, differentiable twice."""
