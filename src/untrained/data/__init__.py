"""Data: inputs and targets from a name, a file or a folder, split once and for all into train, valid and test."""

from untrained.data.images import ImageData, Images
from untrained.data.load import load_data

__all__ = ["ImageData", "Images", "load_data"]
