"""Sparse matrices in files: those of scipy's ``save_npz``, and svmlight."""

from pathlib import Path
from typing import Any

import numpy as np

from harmonium.data.idx import opened, telling
from harmonium.data.memory import dense
from harmonium.data.table import Form, Table
from harmonium.errors import InputError

FORMATS = ("csr", "csc", "coo")
PARTS = {"csr": ("indices", "indptr"), "csc": ("indices", "indptr"), "coo": ("row", "col")}


def is_sparse(keys: list[str]) -> bool:
    """Say whether the arrays of a .npz file are those of a sparse matrix."""
    return {"format", "shape", "data"} <= set(keys)


def read_sparse(arrays: dict[str, np.ndarray], name: str, source: str) -> Table:
    """Return the matrix of a file of ``scipy.sparse.save_npz`` (CSR, CSC or COO), made dense where it fits."""
    kind = bytes(arrays["format"].item()).decode() if arrays["format"].dtype.kind == "S" else str(arrays["format"])
    if kind not in FORMATS:
        raise InputError(
            f"{source} holds a sparse matrix in {kind} form where csr, csc or coo was expected: convert it"
        )
    return Table(dense(_matrix(kind, arrays), source), None, name, source)


def _matrix(kind: str, arrays: dict[str, np.ndarray]) -> Any:
    import scipy.sparse

    values, first, second = (arrays[key] for key in ("data", *PARTS[kind]))
    shape = tuple(arrays["shape"].tolist())
    if kind == "coo":
        return scipy.sparse.coo_matrix((values, (first, second)), shape=shape).tocsr()
    kept = scipy.sparse.csr_matrix if kind == "csr" else scipy.sparse.csc_matrix
    matrix = kept((values, first, second), shape=shape)
    matrix.check_format()
    return matrix.tocsr()


def read_svmlight(path: Path, name: str, like: Form | None = None) -> Table:
    """Return the rows of a svmlight file, ``label column:value ...``, made dense where they fit.

    Columns are called by their numbers, from 0 or 1 as they are counted; those that new rows lack are zero. Labels that
    are no whole numbers are left out, and that is said.
    """
    from sklearn.datasets import load_svmlight_file

    with telling(str(path), "a svmlight file (label column:value ...)"), opened(path) as stream:
        matrix, labels = load_svmlight_file(stream, zero_based=True)
    first = int(matrix[:, 0].nnz == 0) if like is None else int(like.names[:1] != ("0",))
    if like is not None:
        matrix.resize(matrix.shape[0], max(matrix.shape[1], like.width + first))
    whole = bool((labels == np.rint(labels)).all())
    note = "the numbers before the rows are not whole: they are left out, and no labels"
    return Table(
        array=dense(matrix[:, first:], str(path)),
        labels=labels if whole else None,
        name=name,
        source=str(path),
        names=tuple(map(str, range(first, matrix.shape[1]))),
        notes=() if whole else (note,),
    )
