"""Which rows are learned from, watched and evaluated on."""

from dataclasses import replace

import numpy as np

from harmonium.data.dataset import Dataset
from harmonium.data.labels import stratified
from harmonium.errors import InputError

SPLITS = ("train", "valid", "test")
FEWEST = 10


def split_rows(dataset: Dataset) -> dict[str, Dataset]:
    """Return the splits of rows that have none of their own, by the rule of ``load``."""
    count, labels = len(dataset), dataset.labels
    picked = {split: pick(count, None, split, dataset.source, labels) for split in SPLITS}
    return {split: replace(dataset.select(index), split=split) for split, index in picked.items()}  # type: ignore[arg-type]


def pick(
    count: int, held_out: int | None, split: str, where: str, labels: np.ndarray | None = None
) -> np.ndarray | slice:
    """Return which of ``count`` rows belong to a split, the last ``held_out`` being the test set.

    With ``held_out=None`` the rows are put in one fixed random order first, stratified by their labels, and a tenth is
    held out. Where the last rows before a test set would take a class out of training, they are stratified too.
    """
    if held_out is None and count < FEWEST:
        raise InputError(f"{where} has {count} rows where at least {FEWEST} were expected: add rows")
    tests = count // 10 if held_out is None else held_out
    train = count - tests
    start = max(0, train - max(1, min(1000, train // 10)))
    first, last = {"train": (0, start), "valid": (start, train), "test": (train, count)}[split]
    if first == last:
        raise InputError(f"{where} leaves no rows for the {split} split: add rows, or use another split")
    if held_out is None:
        return _shuffled(count, labels)[first:last]
    if split != "test" and labels is not None and len(np.unique(labels[:train])) > len(np.unique(labels[:start])):
        return _shuffled(train, labels[:train])[first:last]
    return slice(first, last)


def _shuffled(count: int, labels: np.ndarray | None) -> np.ndarray:
    order = np.random.default_rng(0).permutation(count)
    return order if labels is None else stratified(order, labels)
