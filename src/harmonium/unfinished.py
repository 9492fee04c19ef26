"""What is half made at this moment: it goes when the work on it fails, or the process must end at once."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_paths: set[Path] = set()


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """Say that a file or a folder is half made while what is within runs; where that fails, remove it."""
    _paths.add(path)
    try:
        yield path
    except BaseException:
        _remove(path)
        raise
    finally:
        _paths.discard(path)


def remove_all() -> None:
    """Remove all that is half made."""
    for path in list(_paths):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
