"""Sparse matrices in files and in memory, made dense or refused in one line."""

import numpy as np
import pytest
import scipy.sparse

from harmonium import data
from harmonium.data import memory
from harmonium.errors import InputError

BITS = (np.random.default_rng(0).random((30, 6)) < 0.3).astype(int)
BITS[:, 0], BITS[0] = 1, 1  # so that no column is empty


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
@pytest.mark.parametrize("values", [BITS, BITS * 0.25, BITS * -3.5])
def test_a_matrix_of_scipy_comes_back(tmp_path, kind, values):
    matrix = getattr(scipy.sparse, f"{kind}_matrix")(values)
    scipy.sparse.save_npz(tmp_path / "x.npz", matrix)
    for found in (data.load_rows(tmp_path / "x.npz"), data.from_array(matrix)):
        np.testing.assert_array_equal(found.rows, values.astype(np.float32))


def test_a_matrix_that_fills_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "MOST_DENSE", BITS.size - 1)
    with pytest.raises(InputError, match="a sparse matrix of 30×6, which fills"):
        data.from_array(scipy.sparse.csr_matrix(BITS))


@pytest.mark.parametrize(
    "changed",
    [{"indices": np.full(3, 99)}, {"shape": np.array([2, -5])}, {"indptr": np.array([0, 9])}, {"format": b"dia"}],
)
def test_a_damaged_matrix_is_refused_in_one_line(tmp_path, changed):
    parts = {"indices": np.arange(3), "indptr": np.array([0, 3]), "data": np.ones(3), "shape": np.array([1, 6])}
    np.savez(tmp_path / "x.npz", **{"format": b"csr", **parts, **changed})
    with pytest.raises(InputError) as caught:
        data.load_rows(tmp_path / "x.npz")
    assert "\n" not in str(caught.value)


def svmlight(rows, first):
    cells = [" ".join(f"{i + first}:{v}" for i, v in enumerate(row) if v) for row in rows]
    return "".join(f"{i % 2} {line}\n" for i, line in enumerate(cells))


@pytest.mark.parametrize("first", [0, 1])
def test_new_rows_of_svmlight_have_the_columns_of_the_training_rows(tmp_path, first):
    """Rows that lack the first or the last columns do not say how many there are, or from where they count."""
    (tmp_path / "x.svm").write_text(svmlight(BITS, first))
    train = data.load_rows(tmp_path / "x.svm")
    np.testing.assert_array_equal(train.rows, BITS)
    assert train.names == tuple(map(str, range(first, first + 6)))
    few = np.zeros((2, 6), int)
    few[0, 2] = few[1, 3] = 1
    (tmp_path / "new.svm").write_text(svmlight(few, first))
    np.testing.assert_array_equal(data.load_rows(tmp_path / "new.svm", like=train.form).rows, few)
    (tmp_path / "wide.svm").write_text(svmlight(np.ones((2, 8), int), first))
    with pytest.raises(InputError, match=f"it has {first + 6}, {first + 7} too many"):
        data.load_rows(tmp_path / "wide.svm", like=train.form)
