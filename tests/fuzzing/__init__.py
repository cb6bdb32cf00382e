"""Whatever a user writes, or a file holds: it is understood, or refused in one line."""
