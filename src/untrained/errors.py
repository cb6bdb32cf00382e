"""The one error a user is meant to read."""


class InputError(ValueError):
    """Something given to `untrained` cannot be used.

    The message is one line that names the bad value and says what would be right; the command line prints it
    without a traceback and exits with code 2.
    """
