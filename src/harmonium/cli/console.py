"""The only room that prints: results on standard output, everything else on standard error."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")
SILENCE = 10  # seconds without a word, elsewhere than on a terminal

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
            task, began = shown.add_task(label, total=total, figures=""), time.monotonic()
            told = began
            for done, item in enumerate(items, 1):
                yield item
                shown.advance(task)
                if shown.disable and time.monotonic() - told > SILENCE:
                    told = time.monotonic()
                    left = (
                        ""
                        if total is None
                        else f" of {total:,}, about {(total / done - 1) * (told - began):.0f} s left"
                    )
                    note(f"{label}: {done:,}{left}")
            shown.remove_task(task)

        yield progress
