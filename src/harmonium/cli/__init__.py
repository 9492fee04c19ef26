"""The command line: one file a command; only ``console`` prints."""

import sys
from collections.abc import Sequence

from . import console, signals


def main(words: Sequence[str] | None = None) -> None:
    """Run one command, that of the process unless given, and exit.

    0; 2 bad usage, data or files; 3 diverged; 4 not saved; 5 deserted; 130 and 143 interrupted.
    """
    if words is None:
        signals.heed()
    try:
        from .app import run  # takes a while, in which an interrupt may come

        run(words)
    except KeyboardInterrupt:
        sys.exit(console.fail("interrupted", 130))
