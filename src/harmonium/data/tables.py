"""Tables of numbers in .npy, .npz and text files."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NoReturn

import numpy as np

from harmonium.data.dataset import Table, tidy_labels
from harmonium.data.idx import drain, opened, refuse_bomb, refuse_length, room, telling
from harmonium.errors import InputError

LABELS = ("labels", "label", "y")
MAPPED = 2**27  # bytes
MOST_TEXT = 2**28  # bytes
Line = tuple[int, str]  # the line's number, from 1, and its text


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
    file's own split. Otherwise the array named ``x``, ``data`` or ``images``, or else the only one of 2 or 3
    dimensions; ``y`` or ``labels`` are its labels. Raises ``InputError`` naming the keys where none of this
    fits.
    """
    with telling(str(path), "a .npz file"), zipfile.ZipFile(path) as archive:
        keys = [entry.removesuffix(".npy") for entry in archive.namelist() if entry.endswith(".npy")]
        own = [pair for pair in (("train", "test"), ("x_train", "x_test")) if set(pair) <= set(keys)]
        if own:
            return _own_split(archive, keys, own[0], name, str(path))
        key = _main_key(archive, keys, str(path))
        array = _member(archive, key, str(path))
        marked = next((word for word in LABELS if word in keys and word != key), None)
        labels = None if marked is None else _member(archive, marked, str(path))
        return Table(array, labels, name, str(path))


def read_text(path: Path, name: str) -> Table:
    """Return the table of a text file: cells parted by commas, semicolons, tabs or spaces, one row a line.

    A first line without any number is a header; a column that it calls ``label`` or ``labels`` becomes the
    labels. Raises ``InputError`` with the line (and column) of the first cell that is no number or line of
    another width.
    """
    where = str(path)
    with telling(where, "a text table in UTF-8"), opened(path) as stream:
        content = stream.read(MOST_TEXT + 1)
        if len(content) > MOST_TEXT:
            raise InputError(f"{where} has more than {MOST_TEXT >> 20} MB of text: save the table as .npy")
        array = _single_digits(content)
        if array is not None:
            return Table(array, None, name, where)
        text = content.decode("utf-8-sig")
        lines = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
        if not lines:
            raise InputError(f"{where} is empty where a table of numbers was expected: write one row a line")
        return _text_table(lines, name, where)


def _npy(stream: IO[bytes], where: str) -> np.ndarray:
    shape, fortran, dtype = _table_header(stream, where)
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


def _table_header(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    shape, fortran, dtype = _npy_header(stream)
    if dtype.kind not in "buif":
        raise InputError(f"{where} holds {dtype} values where numbers were expected: save it as float32 or uint8")
    if any(size < 0 for size in shape):
        raise InputError(f"{where} has shape {shape} in its header: download or write it again")
    return shape, fortran, dtype


def _member(archive: zipfile.ZipFile, key: str, where: str) -> np.ndarray:
    info = archive.getinfo(key + ".npy")
    if info.file_size > room(info.compress_size):
        refuse_bomb(f"{where}, array {key!r},")
    with archive.open(info) as stream:
        return _npy(stream, f"{where}, array {key!r}")


def _main_key(archive: zipfile.ZipFile, keys: Sequence[str], where: str) -> str:
    named = [key for key in ("x", "data", "images") if key in keys]
    found = named[:1] or [key for key in keys if key not in LABELS and _dimensions(archive, key) in (2, 3)]
    if len(found) != 1:
        raise InputError(
            f"{where} has the arrays {', '.join(map(repr, keys)) or 'none'} where one table, or x_train and "
            "x_test, was expected: name the table 'x'"
        )
    return found[0]


def _dimensions(archive: zipfile.ZipFile, key: str) -> int:
    with archive.open(key + ".npy") as stream:
        return len(_npy_header(stream)[0])


def _own_split(archive: zipfile.ZipFile, keys: Sequence[str], pair: tuple[str, str], name: str, where: str) -> Table:
    train, test = (_member(archive, key, where) for key in pair)
    if train.shape[1:] != test.shape[1:] or train.ndim == 0:
        raise InputError(
            f"{where} has {pair[0]} of shape {train.shape} but {pair[1]} of {test.shape}: give both one width"
        )
    if {"y_train", "y_test"} <= set(keys):
        sizes = {"y_train": len(train), "y_test": len(test)}
        labels = [tidy_labels(_member(archive, key, where), size, where) for key, size in sizes.items()]
        marks: np.ndarray | None = np.concatenate(labels)
    else:
        marks = _member(archive, "labels", where) if "labels" in keys else None
    return Table(np.concatenate([train, test]), marks, name, where, held_out=len(test))


def _single_digits(content: bytes) -> np.ndarray | None:
    """Cut a table of one-digit cells out of its bytes: a hundred times faster than parsing it."""
    content += b"" if content.endswith(b"\n") else b"\n"
    width = content.find(b"\n") + 1
    if width < 2 or len(content) % width:
        return None
    grid = np.frombuffer(content, np.uint8).reshape(-1, width)
    body = grid[:, :-2] if grid[0, -2] in b" \r" else grid[:, :-1]
    cells, marks = body[:, ::2], body[:, 1::2]
    if body.shape[1] % 2 == 0 or not (grid[:, body.shape[1] :] == grid[0, body.shape[1] :]).all():
        return None
    if marks.size and not (marks[0, 0] in b" ,;\t" and bool((marks == marks[0, 0]).all())):
        return None
    digits = np.subtract(cells, ord("0"))
    return digits if digits.max() <= 9 else None


def _text_table(lines: list[Line], name: str, where: str) -> Table:
    first = lines[0][1]
    mark = next((mark for mark in "\t;," if mark in first), None)
    cells = first.split(mark)
    header = [] if any(map(_is_number, cells)) else [cell.strip().lower() for cell in cells]
    body = lines[1:] if header else lines
    if not body:
        raise InputError(f"{where} has a header but no rows: write one row of numbers a line")
    try:
        array = np.loadtxt([line for _, line in body], delimiter=mark, comments=None, ndmin=2)
    except ValueError as error:
        _blame(body, mark, where, error)
    if header and len(header) != array.shape[1]:
        raise InputError(f"{where} has {len(header)} names over {array.shape[1]} columns: give each column one name")
    return _split_labels(array, header, name, where)


def _split_labels(array: np.ndarray, header: list[str], name: str, where: str) -> Table:
    marked = [i for i, cell in enumerate(header) if cell.strip("\"'") in ("label", "labels")]
    if len(marked) != 1:
        return Table(array, None, name, where)
    return Table(np.delete(array, marked[0], axis=1), array[:, marked[0]], name, where)


def _blame(lines: list[Line], mark: str | None, where: str, error: ValueError) -> NoReturn:
    expected = len(lines[0][1].split(mark))
    for number, line in lines:
        cells = line.split(mark)
        for column, cell in enumerate(cells, 1):
            if not _is_number(cell):
                given = repr(cell.strip()[:40]) if cell.strip() else "empty"
                raise InputError(
                    f"{where} line {number}, column {column} is {given} where a number was expected: code "
                    "words as numbers, and fill in or drop what is missing"
                ) from error
        if len(cells) != expected:
            raise InputError(
                f"{where} line {number} has {len(cells)} cells where {expected} were expected: give all lines one width"
            ) from error
    raise error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell and cell.isascii()
