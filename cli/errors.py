"""Errors that a user can fix."""


class UserError(Exception):
    """Something is not as it must be; the message says what to do. Shown without a traceback."""

    status = 1
    """Exit status of the process."""


class WrongSettings(UserError):
    """A variable of the environment has a value that cannot be used."""

    status = 2
