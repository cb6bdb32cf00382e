"""Tables with a row for each architecture, as people have them: one reader for Parquet, CSV and JSON.

A file has a column of architectures (`arch`) and columns of figures. A column counts as numbers if every cell in it is
a number, or stands for a missing one; see `untrained.data.tables.numbers` for what that takes in.
"""

from untrained.data.tables.file import ARCH, TableFile, first_twice
from untrained.data.tables.reader import open_table, read_table

__all__ = ["ARCH", "TableFile", "first_twice", "open_table", "read_table"]
