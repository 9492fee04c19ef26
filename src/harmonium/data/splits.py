"""Which rows are learned from, watched and evaluated on."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from harmonium.data.dataset import Dataset
from harmonium.data.labels import stratified
from harmonium.errors import InputError

SPLITS = ("train", "valid", "test")
FEWEST = 10


def split_rows(dataset: Dataset, apart: Collection[str] = ()) -> dict[str, Dataset]:
    """Return the splits of rows that have none of their own, by the rule of ``load``, but for those that lie apart."""
    given, all_rows = (dataset.source, dataset.labels, apart), np.arange(len(dataset))
    picked = {split: all_rows[pick(len(dataset), None, split, *given)] for split in SPLITS if split not in apart}
    return {split: replace(dataset.select(index), split=split) for split, index in picked.items()}


def pick(
    count: int,
    held_out: int | None,
    split: str,
    where: str,
    labels: np.ndarray | None = None,
    apart: Collection[str] = (),
) -> np.ndarray | slice:
    """Return which of ``count`` rows belong to a split, the last ``held_out`` being the test set.

    With ``held_out=None`` the rows are put in one fixed random order first, stratified by their labels, and a tenth is
    held out. Where the last rows before a test set would take a class out of training, they are stratified too. Splits
    that lie ``apart``, in files of their own, take no rows, but for a test set that the data have.
    """
    if held_out is None and count < FEWEST:
        raise InputError(f"{where} has {count} rows where at least {FEWEST} were expected: add rows")
    tests = (0 if "test" in apart else count // 10) if held_out is None else held_out
    train = count - tests
    start = train if "valid" in apart else max(0, train - max(1, min(1000, train // 10)))
    first, last = {"train": (0, start), "valid": (start, train), "test": (train, count)}[split]
    if first == last:
        raise InputError(f"{where} leaves no rows for the {split} split: add rows, or use another split")
    if held_out is None and last - first < count:
        return _shuffled(count, labels)[first:last]
    if split != "test" and labels is not None and len(np.unique(labels[:train])) > len(np.unique(labels[:start])):
        return _shuffled(train, labels[:train])[first:last]
    return slice(first, last)


def _shuffled(count: int, labels: np.ndarray | None) -> np.ndarray:
    order = np.random.default_rng(0).permutation(count)
    return order if labels is None else stratified(order, labels)
