"""How a command ends when SIGINT or SIGTERM asks it to: within two seconds, wherever it stands, nothing half made."""

import _thread
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..unfinished import remove_all

ASKED: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM)
GRACE = 0.8  # seconds in which the update at work may be ended and saved
LAST = 1.6  # seconds after which the process ends whatever it does


class Interrupt(KeyboardInterrupt):
    """Ctrl-C; of a plain one that left ``exec`` CPython makes the signal itself when ``python -m`` ends."""


def heed() -> None:
    """Let both signals end this process: 130 and 143, as shells count."""
    for number in ASKED:
        signal.signal(number, _leave)


@contextmanager
def on_signal(act: Callable[[int], None], *, patient: bool = False, grace: float = GRACE) -> Iterator[None]:
    """Call ``act`` with the exit code that a signal asks for; after ``grace``, or at a second signal, leave at once.

    Unless ``patient``: under torchrun one Ctrl-C arrives twice, and the update of other processes is waited for.
    """
    asked: list[int] = []

    def remember(number: int, frame: object) -> None:
        asked.append(number)
        if len(asked) == 1 or patient:
            act(128 + number)
        else:
            _leave(number, frame)
        if len(asked) == 1 and not patient:
            _later(grace, lambda again: _thread.interrupt_main(signal.Signals(again)), number)
            _later(2 * grace, _end, 128 + number)

    before = {number: signal.signal(number, remember) for number in ASKED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: object) -> None:
    """Leave what is being done, or end without it where that does not let itself be left."""
    _later(LAST, _end, 128 + number)
    raise Interrupt if number == signal.SIGINT else SystemExit(128 + number)


def _later(seconds: float, act: Callable[[int], None], number: int) -> None:
    timer = threading.Timer(seconds, act, [number])
    timer.daemon = True
    timer.start()


def _end(code: int) -> None:
    remove_all()
    os._exit(code)
