"""Tables with a row for each sample: numbers and categories in columns, and a column to be predicted."""

from untrained.data.tabular.data import TableData
from untrained.data.tabular.load import load_table
from untrained.data.tabular.preparation import TablePreparation
from untrained.data.tabular.rows import is_table

__all__ = ["TableData", "TablePreparation", "is_table", "load_table"]
