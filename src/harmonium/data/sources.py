"""Data by name or by path, and how it is split."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from harmonium.data.dataset import Dataset, Table, interpret, tidy_labels
from harmonium.data.idx import brief, read_idx
from harmonium.data.images import pictures_in, read_images
from harmonium.data.named import home, idx_file, idx_folder
from harmonium.data.tables import read_npy, read_npz, read_text
from harmonium.errors import InputError, suggest
from harmonium.registry import DATASETS

SPLITS = ("train", "valid", "test")
FEWEST = 10
WANTED = "a path to .npy .npz .csv .txt .amat IDX or a folder of images"
TEXTS = (".csv", ".tsv", ".txt", ".amat", ".data")
READERS = {".npy": read_npy, ".npz": read_npz} | dict.fromkeys(TEXTS, read_text)


def load(
    name_or_path: str | Path,
    split: str = "train",
    *,
    data_dir: str | Path | None = None,
    levels: int | None = None,
) -> Dataset:
    """Return one split of a named set (see ``DATASETS``) or of a file or folder.

    ``test`` is the official or the file's own test set, else 10 % of the rows in one fixed random order;
    ``valid`` is the last tenth, at most 1000, of the training rows; ``train`` is the rest. ``levels`` is the
    value that means "fully on", where the values do not say it themselves; 0 takes them as real numbers (see
    ``interpret``). MNIST files are looked for in ``data_dir``, else in the directory that HARMONIUM_DATA names,
    else downloaded. Raises ``InputError``.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r} was given where {', '.join(SPLITS)} was expected" + suggest(split, SPLITS))
    return _part_of(_whole(name_or_path, split, data_dir, levels), split)


def load_train_valid(
    name_or_path: str | Path, *, data_dir: str | Path | None = None, levels: int | None = None
) -> tuple[Dataset, Dataset]:
    """Return the ``train`` and the ``valid`` split of one table, read once: see ``load``."""
    whole = _whole(name_or_path, "train", data_dir, levels)
    return _part_of(whole, "train"), _part_of(whole, "valid")


def load_rows(path: str | Path, *, data_dir: str | Path | None = None, levels: int | None = None) -> Dataset:
    """Return all rows of a file, which is not split: new rows for a model that is trained."""
    split = "test"  # of a named set or a folder with a half of its own
    table = _whole(path, split, data_dir, levels)
    return _dataset(table, split, slice(0, len(table.array)) if table.held_out is None else None)


def from_array(
    array: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    levels: int | None = None,
    name: str = "array",
    split: str = "train",
) -> Dataset:
    """Return an array, (rows, columns) or (rows, height, width), as a data set of one split, its values interpreted."""
    rows, levels = interpret(np.asarray(array), name, levels)
    labels = None if labels is None else tidy_labels(np.asarray(labels), len(rows), name)
    return Dataset(name, split, rows, levels, np.shape(array)[1:], labels, name)


def split_rows(dataset: Dataset) -> dict[str, Dataset]:
    """Return the splits of rows that have none of their own, by the rule of ``load``."""
    picked = {split: pick(len(dataset), None, split, dataset.source) for split in SPLITS}
    return {split: replace(dataset.select(index), split=split) for split, index in picked.items()}  # type: ignore[arg-type]


def _whole(name_or_path: str | Path, split: str, data_dir: str | Path | None, levels: int | None) -> Table:
    """Return the table that holds a split, its values and labels evaluated."""
    table = open_table(name_or_path, split, data_dir=data_dir)
    rows, levels = interpret(table.array, table.source, table.levels if levels is None else levels)
    labels = None if table.labels is None else tidy_labels(table.labels, len(rows), table.source)
    return table._replace(array=rows.reshape(table.array.shape), levels=levels, labels=labels)


def _part_of(table: Table, split: str) -> Dataset:
    return _dataset(table, split, pick(len(table.array), table.held_out, split, table.source))


def _dataset(table: Table, split: str, picked: np.ndarray | slice | None) -> Dataset:
    rows, labels = table.array.reshape(len(table.array), -1), table.labels
    picked = pick(len(rows), table.held_out, split, table.source) if picked is None else picked
    assert table.levels is not None
    return Dataset(
        name=table.name,
        split=split,
        table=rows[picked] if isinstance(picked, slice) else rows,
        levels=table.levels,
        shape=table.array.shape[1:],
        labels=None if labels is None else labels[picked],
        source=table.source,
        index=None if isinstance(picked, slice) else picked,
    )


def open_table(name_or_path: str | Path, split: str, *, data_dir: str | Path | None = None) -> Table:
    """Return what a name or path stands for, before its values are evaluated and its rows split."""
    if isinstance(name_or_path, str) and name_or_path in DATASETS:
        return DATASETS[name_or_path].load(split, data_dir)
    path = home(name_or_path)
    if not os.path.exists(path):
        raise InputError(
            f"there is no file or data set {str(name_or_path)!r}: expected {', '.join(DATASETS)} or {WANTED}"
            + suggest(str(name_or_path), DATASETS)
        )
    return _folder(path, split) if path.is_dir() else _file(path)


def pick(count: int, held_out: int | None, split: str, where: str) -> np.ndarray | slice:
    """Return which of ``count`` rows belong to a split, the last ``held_out`` being the test set.

    With ``held_out=None`` the rows are put in one fixed random order first, and a tenth is held out.
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
        return np.random.default_rng(0).permutation(count)[first:last]
    return slice(first, last)


def _file(path: Path) -> Table:
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if "idx" in plain.name.lower() and plain.suffix.lower() not in READERS:
        return Table(read_idx(path), None, plain.stem, str(path))
    reader = READERS.get(plain.suffix.lower())
    if reader is None or (reader is read_npz and plain != path):
        raise InputError(
            f"{path} has the ending {''.join(path.suffixes[-2:])!r} where {WANTED} was expected: convert it to .npy"
        )
    return reader(path, plain.stem)


def _folder(path: Path, split: str) -> Table:
    try:
        if idx_file(path, "train", "images-idx3") or idx_file(path, "t10k", "images-idx3"):
            return idx_folder(path, split)
        if pictures_in(path):
            return read_images(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({brief(error)}): check its permissions") from error
    raise InputError(f"{path} holds neither IDX files nor png, jpg, bmp or gif pictures: give {WANTED}")
