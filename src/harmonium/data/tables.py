"""Tables of numbers in .npy and .npz files."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from harmonium.data.idx import drain, opened, refuse_bomb, refuse_length, room, telling
from harmonium.data.sheet import ANSWERS
from harmonium.data.sparse import is_sparse, read_sparse
from harmonium.data.table import Table
from harmonium.errors import InputError

MAPPED = 2**27  # bytes


def read_npy(path: Path, name: str) -> Table:
    """Return the table of a ``.npy`` or ``.npy.gz`` file; never unpickles.

    A ``.npy`` file of `MAPPED` bytes or more stays where it is, and its rows are read as they are needed.
    """
    with telling(str(path), "a .npy file"), opened(path) as stream:
        large = path.suffix.lower() == ".npy" and path.stat().st_size >= MAPPED
        return Table((_mapped if large else _npy)(stream, str(path)), None, name, str(path))


def read_npz(path: Path, name: str) -> Table:
    """Return the table of a ``.npz`` file; never unpickles.

    Keys ``train`` and ``test``, or ``x_train`` and ``x_test`` (with ``y_train`` and ``y_test``), keep the
    file's own split. Otherwise the array named ``x``, ``data`` or ``images``, or else the only one of 2 to 4
    dimensions; ``y``, ``labels`` and the like are its labels; names may be in capitals. Raises ``InputError`` naming
    the keys where none of this fits. A sparse matrix, as ``scipy.sparse.save_npz`` writes it, is made dense.
    """
    with telling(str(path), "a .npz file"), zipfile.ZipFile(path) as archive:
        keys = [entry.lower().removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]
        if is_sparse(keys):
            arrays = {key: _member(archive, key, str(path), "buifUS") for key in keys}
            return read_sparse(arrays, name, str(path))
        own = [pair for pair in (("train", "test"), ("x_train", "x_test")) if set(pair) <= set(keys)]
        if own:
            return _own_split(archive, keys, own[0], name, str(path))
        key = _main_key(archive, keys, str(path))
        array = _member(archive, key, str(path))
        marked = next((word for word in ANSWERS if word in keys and word != key), None)
        labels = None if marked is None else _marks(archive, marked, str(path))
        return Table(array, labels, name, str(path))


def _npy(stream: IO[bytes], where: str, kinds: str = "buif") -> np.ndarray:
    shape, fortran, dtype = _table_header(stream, where, kinds)
    values = drain(stream, math.prod(shape) * dtype.itemsize, where)
    return _true(np.ndarray(shape, dtype, buffer=values, order="F" if fortran else "C"), where)


def _mapped(stream: IO[bytes], where: str) -> np.ndarray:
    shape, fortran, dtype = _table_header(stream, where)
    begin, end = stream.tell(), stream.seek(0, 2)
    refuse_length(end - begin, math.prod(shape) * dtype.itemsize, where)
    return _true(np.memmap(where, dtype, "r", begin, shape, "F" if fortran else "C"), where)


def _true(array: np.ndarray, where: str) -> np.ndarray:
    if array.dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
        raise InputError(f"{where} holds truth values other than 0 and 1: download or write it again")
    return array


def _npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    # Version 3 differs only in allowing Unicode names of fields, and a table of numbers has no fields.
    if np.lib.format.read_magic(stream) == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    return np.lib.format.read_array_header_2_0(stream)


def _table_header(stream: IO[bytes], where: str, kinds: str = "buif") -> tuple[tuple[int, ...], bool, np.dtype]:
    shape, fortran, dtype = _npy_header(stream)
    if dtype.kind not in kinds:
        raise InputError(f"{where} holds {dtype} values where numbers were expected: save it as float32 or uint8")
    if any(size < 0 for size in shape):
        raise InputError(f"{where} has shape {shape} in its header: download or write it again")
    return shape, fortran, dtype


def _member(archive: zipfile.ZipFile, key: str, where: str, kinds: str = "buif") -> np.ndarray:
    info = _entry(archive, key)
    if info.file_size > room(info.compress_size):
        refuse_bomb(f"{where}, array {key!r},")
    with archive.open(info) as stream:
        return _npy(stream, f"{where}, array {key!r}", kinds)


def _entry(archive: zipfile.ZipFile, key: str) -> zipfile.ZipInfo:
    """Return an array of an archive by its name, in capitals or not."""
    return next(info for info in archive.infolist() if info.filename.lower() == f"{key}.npy")


def _main_key(archive: zipfile.ZipFile, keys: Sequence[str], where: str) -> str:
    named = [key for key in ("x", "data", "images") if key in keys]
    found = named[:1] or [key for key in keys if key not in ANSWERS and _dimensions(archive, key) in (2, 3, 4)]
    if len(found) != 1:
        raise InputError(
            f"{where} has the arrays {', '.join(map(repr, keys)) or 'none'} where one table, or x_train and "
            "x_test, was expected: name the table 'x'"
        )
    return found[0]


def _dimensions(archive: zipfile.ZipFile, key: str) -> int:
    with archive.open(_entry(archive, key)) as stream:
        return len(_npy_header(stream)[0])


def _own_split(archive: zipfile.ZipFile, keys: Sequence[str], pair: tuple[str, str], name: str, where: str) -> Table:
    train, test = (_member(archive, key, where) for key in pair)
    if train.shape[1:] != test.shape[1:] or train.ndim == 0:
        raise InputError(
            f"{where} has {pair[0]} of shape {train.shape} but {pair[1]} of {test.shape}: give both one width"
        )
    marks = None
    if {"y_train", "y_test"} <= set(keys):
        halves = [_marks(archive, key, where) for key in ("y_train", "y_test")]
        if [len(half) for half in halves] != [len(train), len(test)]:
            told = f"y_train of shape {halves[0].shape} and y_test of {halves[1].shape}"
            raise InputError(f"{where} has {told} beside {len(train)} and {len(test)} rows: give one label a row")
        marks = np.concatenate(halves)
    elif "labels" in keys:
        marks = _marks(archive, "labels", where)
    return Table(np.concatenate([train, test]), marks, name, where, held_out=len(test))


def _marks(archive: zipfile.ZipFile, key: str, where: str) -> np.ndarray:
    """Return labels, which may be words."""
    return _member(archive, key, where, "buifU")
