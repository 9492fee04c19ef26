"""What `check` sees, told in findings and not in exceptions."""

import numpy as np
import pytest

from harmonium import data
from harmonium.errors import InputError

BITS = np.random.default_rng(0).integers(0, 2, (50, 12))


def checked(tmp_path, array, **kwargs):
    np.save(tmp_path / "x.npy", array)
    return data.check(tmp_path / "x.npy", **kwargs)


def only(lines):
    assert len(lines) == 1
    assert "\n" not in lines[0]
    return lines[0]


def test_a_clean_binary_table(tmp_path):
    found = checked(tmp_path, BITS)
    assert (found.name, found.source) == ("x", str(tmp_path / "x.npy"))
    assert (found.rows, found.width, found.shape, found.dtype) == (50, 12, (12,), "int64")
    assert (found.minimum, found.maximum, found.kind, found.units, found.binarize) == (
        0,
        1,
        "binary",
        "bernoulli",
        "none",
    )
    assert (found.constant_columns, found.zero_rows, found.duplicate_rows, found.classes) == (0, 0, 0, None)
    assert (found.problems, found.notes) == ([], [])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (2 * BITS - 1, ("spin", "spin", "none")),
        (BITS * 0.5, ("gray", "bernoulli", "threshold")),
        (BITS.reshape(50, 3, 4).astype(np.uint8) * 200, ("gray", "bernoulli", "threshold")),
        (BITS * 2.5 - 1, ("real", "gaussian", "none")),
    ],
)
def test_the_units_that_fit(tmp_path, array, expected):
    found = checked(tmp_path, array)
    assert (found.kind, found.units, found.binarize) == expected
    assert found.problems == []


def test_columns_and_rows_that_say_nothing_are_counted(tmp_path):
    codes = (np.arange(1, 51)[:, None] >> np.arange(6)) & 1
    table = np.hstack([codes, np.zeros((50, 2), int)])
    table[[3, 4, 9]] = 0
    table[20] = table[21]
    found = checked(tmp_path, table)
    assert (found.constant_columns, found.zero_rows, found.duplicate_rows) == (2, 3, 3)
    assert len(found.notes) == 3
    assert found.problems == []


def test_a_column_of_ones_is_constant_too(tmp_path):
    assert checked(tmp_path, np.hstack([BITS, np.ones((50, 1))])).constant_columns == 1


def test_unscaled_grey_levels_are_a_problem_not_an_exception(tmp_path):
    found = checked(tmp_path, BITS * 255)
    assert "whole numbers 0 to 255 where 0 to 1 was expected: pass --levels 255" in only(found.problems)
    assert (found.kind, found.units, found.binarize) == ("gray", "bernoulli", "threshold")
    assert checked(tmp_path, BITS * 255, levels=255).problems == []


def test_levels_that_do_not_fit_are_a_problem(tmp_path):
    found = checked(tmp_path, BITS * 9, levels=8)
    assert "where whole numbers 0 to 8 were expected" in only(found.problems)


def test_holes_are_counted(tmp_path):
    table = BITS.astype(float)
    table[4, 2] = table[7, 2] = np.nan
    found = checked(tmp_path, table)
    assert found.problems == []
    assert (found.kind, found.units) == ("table", "table")
    assert any(f"2 of {table.size} cells, in 1 columns, are empty" in note for note in found.notes)


def test_infinite_numbers_are_placed(tmp_path):
    table = BITS.astype(float)
    table[7, 9] = np.inf
    assert "1 NaN or infinite values, the first in row 8, column 10" in only(checked(tmp_path, table).problems)


def test_a_table_of_holes_alone_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.full((12, 2), np.nan))
    with pytest.raises(InputError, match="no column that a model could learn"):
        data.check(tmp_path / "x.npy")


def test_values_too_large_for_float32_are_a_problem(tmp_path):
    found = checked(tmp_path, BITS * 1e300)
    assert "too large for float32" in only(found.problems)
    assert found.kind == "unclear"


def test_too_few_rows_are_a_problem(tmp_path):
    found = checked(tmp_path, BITS[:9])
    assert "has 9 rows where at least 10 were expected" in only(found.problems)


def test_columns_that_are_not_standardised_are_noted(tmp_path):
    table = np.random.default_rng(0).normal(size=(400, 3))
    table = (table - table.mean(0)) / table.std(0)
    assert checked(tmp_path, table).notes == []
    assert "means 5 to 5 and standard deviations 2 to 2" in only(checked(tmp_path, 2 * table + 5).notes)


@pytest.mark.parametrize("at", [0, 3])
def test_a_column_that_looks_like_labels_beside_fractions_is_named(tmp_path, at):
    table = np.random.default_rng(0).normal(size=(400, 3))
    table = (table - table.mean(0)) / table.std(0)
    found = checked(tmp_path, np.insert(table, at, np.arange(400) % 3, axis=1))
    assert f"column {at + 1} looks like labels: --label-column {at + 1} takes it as these" in found.notes
    assert not any("looks like labels" in note for note in checked(tmp_path, table).notes)


def test_labels_are_counted_by_class(tmp_path):
    np.savez(tmp_path / "x.npz", x=BITS, y=np.arange(50) % 3)
    assert data.check(tmp_path / "x.npz").classes == {"0": 17, "1": 17, "2": 16}
    np.savez(tmp_path / "x.npz", x=BITS, y=np.arange(7))
    found = data.check(tmp_path / "x.npz")
    assert found.classes is None
    assert "labels of shape (7,)" in only(found.problems)


def test_one_class_alone_is_noted(tmp_path):
    np.savez(tmp_path / "x.npz", x=BITS, y=np.zeros(50))
    assert only(data.check(tmp_path / "x.npz").notes) == "all rows have one label"


def test_digits_have_no_problems():
    found = data.check("digits")
    assert (found.rows, found.width, found.shape, found.kind, found.constant_columns) == (
        1797,
        64,
        (8, 8),
        "gray",
        3,
    )
    assert sum(found.classes.values()) == 1797
    assert found.problems == []


@pytest.mark.parametrize("name", ["nowhere.npy", "minst"])
def test_what_cannot_be_loaded_raises(name):
    with pytest.raises(InputError, match="there is no file or data set"):
        data.check(name)


def test_a_file_without_a_table_raises(tmp_path):
    with pytest.raises(InputError, match="where numbers were expected"):
        checked(tmp_path, np.array([["a"]]))
