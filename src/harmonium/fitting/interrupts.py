"""Ctrl-C in a training that is driven from Python."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .trainer import Trainer


@contextmanager
def saved_on_interrupt(trainer: "Trainer") -> Iterator[None]:
    """Let Ctrl-C wait for the update in work: what was learned is kept, and then it interrupts."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: trainer.stop(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if trainer.stopped == 128 + signal.SIGINT:
        raise KeyboardInterrupt
