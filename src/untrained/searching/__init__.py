"""The verb `search`, and what a search leaves."""
