"""Labels as people write them become classes: indices from 0, and the names that they stand for."""

from contextlib import suppress
from typing import Any

import numpy as np

from harmonium.errors import InputError

BIGGEST = 2**53  # up to which whole numbers are exact as floats


def classes(labels: Any, count: int, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return labels as indices, int64 of shape (count,), and the names of the classes that they point to.

    Whole numbers of any type, truth values, words, one column (count, 1), or one-hot rows (count, classes). Classes
    stand in order: numbers as numbers, words as words. Raises `InputError` where there is not one label a row.
    """
    given = labels.numpy(force=True) if hasattr(labels, "detach") else np.asarray(labels)
    if given.ndim == 2:
        given = _one_hot(given, where) if given.shape[1] > 1 else given.reshape(-1)
    if given.shape != (count,):
        raise InputError(
            f"{where} has labels of shape {np.shape(labels)} where ({count},) was expected: give one a row"
        )
    if given.dtype.kind not in "bui":
        given = _numbers(given, where) if given.dtype.kind == "f" else _words(given, where)
    names, indices = np.unique(given, return_inverse=True)
    return indices.astype(np.int64), tuple(map(str, names.tolist()))


def relabeled(indices: np.ndarray, names: tuple[str, ...], known: tuple[str, ...], where: str) -> np.ndarray:
    """Return indices into ``known`` names; raises `InputError` for a name that is not among them."""
    strange = [names[i] for i in np.unique(indices) if names[i] not in known]
    if strange:
        raise InputError(f"{where} holds the label {strange[0]} where {listed(known)} was expected: drop those rows")
    place = {name: i for i, name in enumerate(known)}
    return np.array([place.get(name, -1) for name in names], np.int64)[indices]


def listed(names: tuple[str, ...], most: int = 12) -> str:
    """Return names in one line, the first and the last where they are many."""
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:3])}, ..., {names[-1]}"


def stratified(order: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return an order of rows in which every stretch holds each class in its proportion, as nearly as whole rows can.

    Of n rows of a class the i-th stands at (i − ½)/n of the way; rows that stand alike keep the order given, so rows
    of one class, or all of different ones, keep it altogether.
    """
    given = labels[order]
    by_class = np.argsort(given, kind="stable")
    counts = np.bincount(given)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    place = np.empty(len(order))
    place[by_class] = (np.arange(len(order)) - first + 0.5) / np.repeat(counts, counts)
    return order[np.argsort(place, kind="stable")]


def _one_hot(given: np.ndarray, where: str) -> np.ndarray:
    if given.dtype.kind not in "buif" or not ((given == 0) | (given == 1)).all() or (given.sum(1) != 1).any():
        raise InputError(
            f"{where} has labels of shape {given.shape} where (rows,), or one-hot rows of one 1 among zeros, was "
            "expected: give one a row"
        )
    return given.argmax(1)


def _numbers(given: np.ndarray, where: str) -> np.ndarray:
    if not np.isfinite(given).all():
        row = int((~np.isfinite(given)).argmax())
        raise InputError(f"{where} has no label in row {row + 1} (counted from 1): fill it in or drop the row")
    if (given != np.rint(given)).any() or np.abs(given).max(initial=0) >= BIGGEST:
        raise InputError(f"{where} has labels that are not whole numbers: number the classes, or name them by words")
    return given.astype(np.int64)


def _words(given: np.ndarray, where: str) -> np.ndarray:
    """Return words, or the whole numbers that all of them write."""
    words = [str(word).strip() for word in given.tolist()]
    empty = next((i for i, word in enumerate(words) if word.lower() in ("", "none", "nan", "<na>")), None)
    if empty is not None:
        raise InputError(f"{where} has no label in row {empty + 1} (counted from 1): fill it in or drop the row")
    with suppress(ValueError, OverflowError):
        numbers = np.array([int(word) for word in words], np.int64)
        if all(str(number) == word for number, word in zip(numbers.tolist(), words, strict=True)):
            return numbers
    return np.array(words)
