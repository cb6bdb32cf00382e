"""Searches and benches as one page: figures, tables and what it takes to run them again."""

from untrained.report.page.write import write_report

__all__ = ["write_report"]
