"""The exceptions that callers can act on.

Every message says what was wrong, where, and what to do now. Scripts turn these errors into one
line on stderr and exit code 2; anything else is a bug of ours and keeps its traceback.
"""


class Audio2MotionError(Exception):
    """Base of all errors that a user can repair."""


class ConfigError(Audio2MotionError):
    """A configuration value or command line override is wrong."""


class DataError(Audio2MotionError):
    """A video, a recording or a prepared store can't be used."""


class MotionError(Audio2MotionError):
    """A motion sequence is malformed or of another vocabulary."""


class CheckpointError(Audio2MotionError):
    """A checkpoint can't be read or does not fit its partners."""


class RenderError(Audio2MotionError):
    """A portrait or an avatar package can't be rendered."""


class StreamError(Audio2MotionError):
    """A live source or sink failed."""
