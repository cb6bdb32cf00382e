"""Results as text, progress bars and figures."""
