"""Data: inputs and targets from a name, a file or a folder, split once and for all into train, valid and test."""

from untrained.data.base import Data
from untrained.data.datasets import DatasetData
from untrained.data.given import as_data
from untrained.data.images import ImageData
from untrained.data.load import load_data
from untrained.data.prepared import Prepared
from untrained.data.tabular import TableData, TablePreparation
from untrained.data.task import Task

__all__ = [
    "Data",
    "DatasetData",
    "ImageData",
    "Prepared",
    "TableData",
    "TablePreparation",
    "Task",
    "as_data",
    "load_data",
]
