"""The ways in which work ends early, each told in one line."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input: the message says in one line what was given, what was expected and what to do."""

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))


class DivergenceError(ArithmeticError):
    """Training left the finite numbers: the message says at which step and why."""


class SaveError(Exception):
    """What was learned could not be written; what was written before is whole."""


class WorkerLostError(Exception):
    """Another process of the same run has ended; what was saved is whole."""


def suggest(given: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known word, or an empty string."""
    near = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
