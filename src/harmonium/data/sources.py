"""Data by name or by path, and how it is split."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from harmonium.arguments import checked
from harmonium.data.dataset import Dataset
from harmonium.data.idx import brief, read_idx
from harmonium.data.images import classes_in, pictures_in, read_classes, read_images
from harmonium.data.memory import in_memory, read_parquet, with_label_column, without_columns
from harmonium.data.mixed import table_of
from harmonium.data.named import home, idx_file, idx_folder
from harmonium.data.sparse import read_svmlight
from harmonium.data.splits import SPLITS, pick
from harmonium.data.table import Form, Reading, Table, interpreted
from harmonium.data.tables import read_npy, read_npz
from harmonium.data.text import read_text
from harmonium.errors import InputError, suggest
from harmonium.registry import DATASETS

WANTED = "a path to .npy .npz .csv .txt .amat .parquet .svm IDX or a folder of images"
SPARSE = (".svm", ".svmlight", ".libsvm")
TEXTS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".amat")
FRAMES = (".parquet", ".pq")
READERS = {".npy": read_npy, ".npz": read_npz}


@checked
def load(
    name_or_path: str | Path, split: str = "train", *, data_dir: str | Path | None = None, **reading: Unpack[Reading]
) -> Dataset:
    """Return one split of a named set (see ``DATASETS``) or of a file or folder.

    ``test`` is the official or the file's own test set, else 10 % of the rows in one fixed random order, in which rows
    with labels are stratified; ``valid`` is the last tenth, at most 1000, of the training rows; ``train`` is the rest.
    ``levels``, ``label_column`` and ``shape`` say what the file does not say itself: see `Reading`. MNIST files are
    looked for in ``data_dir``, else in the directory that HARMONIUM_DATA names, else downloaded. Raises ``InputError``.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r} was given where {', '.join(SPLITS)} was expected" + suggest(split, SPLITS))
    return _part_of(_whole(name_or_path, split, data_dir, reading), split)


@checked
def load_train_valid(
    name_or_path: str | Path,
    *,
    apart: Collection[str] = (),
    data_dir: str | Path | None = None,
    **reading: Unpack[Reading],
) -> dict[str, Dataset]:
    """Return the splits ``train`` and ``valid`` of one table, read once: see ``load``.

    Where ``valid`` or ``test`` lies ``apart``, in a file of its own, none of the rows of a table that has no splits of
    its own is put aside for it.
    """
    whole = _whole(name_or_path, "train", data_dir, reading)
    return {split: _part_of(whole, split, apart) for split in ("train", "valid") if split not in apart}


@checked
def load_rows(
    path: str | Path,
    *,
    data_dir: str | Path | None = None,
    like: Form | None = None,
    to: str = "the model has",
    **reading: Unpack[Reading],
) -> Dataset:
    """Return all rows of a file, which is not split: new rows for a model that is trained.

    With the `Form` of the training rows, ids and labels lie as they did there, labels may be missing, and columns are
    put in order by their names. Raises `InputError` where the columns are others.
    """
    split = "test"  # of a named set or a folder with a half of its own
    table = _whole(path, split, data_dir, reading, like)
    found = _dataset(table, split, slice(0, len(table.array)) if table.held_out is None else None)
    return found if like is None else found.conformed(like, to)


@checked
def from_array(
    array: Any,
    labels: Any = None,
    *,
    name: str = "array",
    split: str = "train",
    like: Form | None = None,
    **reading: Unpack[Reading],
) -> Dataset:
    """Return an array, (rows, columns) or (rows, height, width), as a data set of one split, its values interpreted.

    A tensor, nested lists, a sparse matrix or a frame will do; columns of a frame are treated as those of a file.
    ``labels`` are numbers or words, (rows,) or (rows, 1), or one-hot rows.
    """
    given = in_memory(array, labels, name, reading.get("label_column"), like, reading.get("columns"))
    found = interpreted(given, levels=reading.get("levels"), shape=reading.get("shape"))
    return _dataset(found, split, slice(0, len(found.array)))


def _whole(
    name_or_path: str | Path, split: str, data_dir: str | Path | None, reading: Reading, like: Form | None = None
) -> Table:
    """Return the table that holds a split, its values and labels evaluated."""
    asked: Any = {"label_column": reading.get("label_column"), "columns": reading.get("columns")}
    table = open_table(name_or_path, split, data_dir=data_dir, like=like, **asked)
    return interpreted(table, levels=reading.get("levels"), shape=reading.get("shape"))


def _part_of(table: Table, split: str, apart: Collection[str] = ()) -> Dataset:
    return _dataset(table, split, pick(len(table.array), table.held_out, split, table.source, table.labels, apart))


def _dataset(table: Table, split: str, picked: np.ndarray | slice | None) -> Dataset:
    rows = table.array.reshape(len(table.array), -1)
    picked = pick(len(rows), table.held_out, split, table.source, table.labels) if picked is None else picked
    assert table.levels is not None
    return Dataset(
        name=table.name,
        split=split,
        table=rows[picked] if isinstance(picked, slice) else rows,
        levels=table.levels,
        shape=table.array.shape[1:],
        labels=None if table.labels is None else table.labels[picked],
        source=table.source,
        index=None if isinstance(picked, slice) else picked,
        label_names=table.label_names,
        names=table.names,
        ids=None if table.ids is None else table.ids[picked],
        label_column=table.label_column,
        notes=table.notes,
        schema=table.schema,
        weights=None if table.weights is None else table.weights[picked],
    )


def open_rows(path: str | Path, *, like: Form) -> Table:
    """Return the rows that `load_rows` gives, before their values are evaluated; missing numbers of a text are NaN."""
    table = open_table(path, "test", like=like, holes=True)
    last = slice(None) if table.held_out is None else slice(len(table.array) - table.held_out, None)
    return table._replace(array=table.array[last], ids=None if table.ids is None else table.ids[last])


def open_table(
    name_or_path: str | Path,
    split: str,
    *,
    data_dir: str | Path | None = None,
    label_column: str | None = None,
    like: Form | None = None,
    holes: bool = False,
    columns: Mapping[str, Any] | None = None,
) -> Table:
    """Return what a name or path stands for, before its values are evaluated and its rows split.

    With ``holes`` missing numbers of a text are NaN, and no reason to refuse it.
    """
    if isinstance(name_or_path, str) and name_or_path in DATASETS:
        return without_columns(DATASETS[name_or_path].load(split, data_dir), label_column, columns)
    path = home(name_or_path)
    if not os.path.exists(path):
        raise InputError(
            f"there is no file or data set {str(name_or_path)!r}: expected {', '.join(DATASETS)} or {WANTED}"
            + suggest(str(name_or_path), DATASETS)
        )
    if path.is_dir():
        return without_columns(_folder(path, split), label_column, columns)
    return _file(path, label_column, like, holes, columns)


def _file(
    path: Path, label_column: str | None, like: Form | None, holes: bool, columns: Mapping[str, Any] | None
) -> Table:
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    ending = plain.suffix.lower()
    if "idx" in plain.name.lower() and ending not in READERS and ending not in TEXTS:
        return without_columns(Table(read_idx(path), None, plain.stem, str(path)), label_column, columns)
    if ending in TEXTS:
        return table_of(read_text(path), plain.stem, str(path), label_column, like, holes, columns)
    if ending in FRAMES:
        return in_memory(read_parquet(path), None, plain.stem, label_column, like, columns, str(path))
    if ending in SPARSE:
        return without_columns(read_svmlight(path, plain.stem, like), label_column, columns)
    reader = READERS.get(ending)
    if reader is None or (reader is read_npz and plain != path):
        raise InputError(
            f"{path} has the ending {''.join(path.suffixes[-2:])!r} where {WANTED} was expected: convert it to .npy"
        )
    return with_label_column(reader(path, plain.stem), label_column, like, columns)


def _folder(path: Path, split: str) -> Table:
    try:
        if idx_file(path, "train", "images-idx3") or idx_file(path, "t10k", "images-idx3"):
            return idx_folder(path, split)
        if pictures_in(path):
            return read_images(path)
        if classes_in(path):
            return read_classes(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({brief(error)}): check its permissions") from error
    raise InputError(f"{path} holds neither IDX files nor pictures: give {WANTED}")
