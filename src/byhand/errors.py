"""What byhand says when something is wrong: one line, with what was found, what was expected and what to do."""

import sys

from byhand.printable import printable


def say(line: str) -> None:
    """Tell in one line, on standard error, what is no error but should be known."""
    print(f"byhand: {printable(line)}", file=sys.stderr, flush=True)


class ByhandError(Exception):
    """Bad input or a failed run, told in one line; the command line prints it and exits with status 1.

    The message may quote a file, which may hold anything: line ends and control characters in it are written as escapes.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(printable(message))


class DataError(ByhandError):
    """A data set, image or label that cannot be used as it is."""


class ModelError(ByhandError):
    """A network, setting or model file that does not make sense."""


class TrainingError(ByhandError):
    """A training that cannot go on."""


class EngineError(ByhandError):
    """An op was given what it cannot compute, or a gradient was asked for that is not to be had."""
