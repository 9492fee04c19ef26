"""The only room that prints: results on standard output, everything else on standard error."""

import json
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

_hushed = False


def hush() -> None:
    """Print nothing from now on: another process of the same run does."""
    global _hushed
    _hushed = True


def fail(message: str, code: int) -> int:
    """Print one line on standard error and return the exit code."""
    note(f"harmonium: {' '.join(message.split())}")
    return code


def say(message: str) -> None:
    """Print a line of result on standard output."""
    if not _hushed:
        sys.stdout.write(message + "\n")


def note(message: str) -> None:
    """Print a line beside the results, on standard error."""
    if not _hushed:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()


def tell(notes: Iterable[str]) -> None:
    """Print what was noticed about a file, beside the results."""
    for line in notes:
        note(f"note: {line}")


def say_json(figures: dict[str, Any]) -> None:
    """Print one JSON object on standard output."""
    say(json.dumps(figures))


def table(header: list[str], rows: Iterable[list[str]]) -> None:
    """Print a plain table on standard output."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(*header, box=None, pad_edge=False)
    for row in rows:
        shown.add_row(*row)
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    console.print(shown)


def bar() -> "Progress":
    """Return a progress bar with elapsed time and ETA, on standard error; silent elsewhere than on a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("eta"), TimeRemainingColumn(), TextColumn("{task.fields[figures]}"),
        console=Console(stderr=True, quiet=_hushed), transient=True, disable=_hushed or not sys.stderr.isatty(),
    )  # fmt: skip


@contextmanager
def progress_bars() -> Iterator[Callable[[Iterable[T], str], Iterable[T]]]:
    """Give a function that shows a bar while its items are gone through."""
    with bar() as shown:

        def progress(items: Iterable[T], label: str) -> Iterable[T]:
            total = len(items) if isinstance(items, Sized) else None
            task = shown.add_task(label, total=total, figures="")
            for item in items:
                yield item
                shown.advance(task)
            shown.remove_task(task)

        yield progress


@contextmanager
def on_signal(act: Callable[[int], None], *, patient: bool = False) -> Iterator[None]:
    """Call ``act`` with the exit code that a signal asks for.

    A second signal ends at once, unless ``patient``: under torchrun one Ctrl-C arrives twice.
    """

    def remember(number: int, frame: object) -> None:
        act(128 + number)
        if not patient:
            signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
