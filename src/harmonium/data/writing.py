"""Columns become the bytes of a file: CSV, npy or JSON, by its ending."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harmonium.errors import InputError

ENDINGS = (".csv", ".npy", ".json")


def check_ending(path: str | Path, endings: tuple[str, ...] = ENDINGS) -> str:
    """Return the ending of a file's name; raises ``InputError`` where nothing can be written to such a file."""
    ending = Path(path).suffix.lower()
    if ending not in endings:
        wanted = f"{', '.join(endings[:-1])} or {endings[-1]}"
        raise InputError(f"--out {path} ends in {ending!r} where {wanted} was expected: give it another name")
    return ending


def table_bytes(ending: str, columns: Mapping[str, np.ndarray], ids: np.ndarray | None = None) -> bytes:
    """Return columns, (rows,) each, with the rows' ids before them, as the content of a file of this ending.

    CSV has a header; JSON is a list of one object a row; npy holds the columns alone, (rows, columns), and whole
    numbers from 0 to 255 as bytes.
    """
    if ending == ".npy":
        file = io.BytesIO()
        plain = [column.astype(str) if column.dtype.kind == "O" else column for column in columns.values()]
        np.save(file, _compact(np.column_stack(plain)), allow_pickle=False)
        return file.getvalue()
    whole = {"id": ids, **columns} if ids is not None else dict(columns)
    rows = zip(*(map(_plain, column.tolist()) for column in whole.values()), strict=True)
    if ending == ".json":
        return (json.dumps([dict(zip(whole, row, strict=True)) for row in rows]) + "\n").encode()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(whole)
    writer.writerows(rows)
    return text.getvalue().encode()


def by_name(rows: np.ndarray, names: tuple[str, ...] = (), what: str = "column") -> dict[str, np.ndarray]:
    """Return the columns of rows, (rows, columns), by their names, or by ``what`` they are and their number from 1."""
    known = names or tuple(f"{what}{i + 1}" for i in range(rows.shape[1]))
    return dict(zip(known, rows.T, strict=True))


def _plain(value: Any) -> Any:
    """Return whole numbers without a point, others with the digits that float32 has, and nothing for what is none."""
    if not isinstance(value, float):
        return value
    if value != value:
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else float(f"{value:.9g}")


def _compact(rows: np.ndarray) -> np.ndarray:
    whole = rows.dtype.kind != "U" and bool((rows == np.rint(rows)).all() and rows.min() >= 0 and rows.max() <= 255)
    return rows.astype(np.uint8) if whole else rows
