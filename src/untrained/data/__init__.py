"""Data: inputs and targets from a name or a file, split once and for all into train, valid and test."""

from untrained.data.images import ImageData, Images, load_data

__all__ = ["ImageData", "Images", "load_data"]
