"""What values mean: one rule a test."""

import numpy as np
import pytest

from harmonium.data import Dataset, interpret
from harmonium.data.values import kind
from harmonium.errors import InputError

BITS = np.array([[0, 1, 1], [1, 0, 0]])


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float64, ">i4"])
def test_zeros_and_ones_of_any_type_are_binary(dtype):
    rows, levels = interpret(BITS.astype(dtype), "x", None)
    assert (rows.dtype, levels, kind(rows, levels)) == (np.uint8, 1, "binary")
    np.testing.assert_array_equal(rows, BITS)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float32])
def test_minus_and_plus_one_are_spins(dtype):
    rows, levels = interpret((2 * BITS - 1).astype(dtype), "x", None)
    assert (rows.dtype, levels, kind(rows, levels)) == (np.float32, 0, "spin")
    np.testing.assert_array_equal(rows, 2 * BITS - 1)


def test_fractions_are_grey():
    rows, levels = interpret(BITS * 0.3, "x", None)
    assert (rows.dtype, levels, kind(rows, levels)) == (np.float32, 1, "gray")
    np.testing.assert_array_equal(rows, (BITS * 0.3).astype(np.float32))


def test_a_stack_of_pictures_is_grey_and_flattened():
    pictures = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    rows, levels = interpret(pictures, "x", None)
    assert (rows.dtype, levels, kind(rows, levels)) == (np.uint8, 255, "gray")
    np.testing.assert_array_equal(rows, np.arange(24).reshape(2, 12))


@pytest.mark.parametrize("values", [[[-1.5, 0.2]], [[-1, 0, 1]], [[-1.0, 0.5]], [[0.5, 3.25]], [[-3, 4]], [[0, 256]]])
def test_other_numbers_are_real(values):
    rows, levels = interpret(np.array(values), "x", None)
    assert (rows.dtype, levels, kind(rows, levels)) == (np.float32, 0, "real")
    np.testing.assert_array_equal(rows, np.array(values, np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64])
def test_a_table_of_whole_numbers_asks_for_levels(dtype):
    table = np.array([[0, 255], [7, 3]], dtype)
    with pytest.raises(
        InputError, match=r"x.npy holds whole numbers 0 to 255 .* pass --levels 255 .* --visible potts:256 if"
    ):
        interpret(table, "x.npy", None)
    rows, levels = interpret(table, "x.npy", 255)
    assert (rows.dtype, levels, kind(rows, levels)) == (np.uint8, 255, "gray")
    rows, levels = interpret(table, "x.npy", 0)
    assert (rows.dtype, levels, kind(rows, levels)) == (np.float32, 0, "real")
    np.testing.assert_array_equal(rows, table)


def test_the_levels_of_a_small_table_are_its_largest_value():
    with pytest.raises(InputError, match="pass --levels 16 "):
        interpret(np.array([[0, 16]]), "x", None)


def test_levels_beyond_a_byte_are_kept_as_float():
    rows, levels = interpret(np.array([[0, 1000]]), "x", 1000)
    assert (rows.dtype, levels, rows.tolist()) == (np.float32, 1000, [[0.0, 1000.0]])


@pytest.mark.parametrize("values", [[[0, 17]], [[-1, 3]], [[0.5, 3.0]]])
def test_values_that_do_not_fit_the_levels_are_refused(values):
    with pytest.raises(InputError, match="where whole numbers 0 to 16 were expected"):
        interpret(np.array(values), "x", 16)


@pytest.mark.parametrize("levels", [-1, 65536])
def test_levels_out_of_range_are_refused(levels):
    with pytest.raises(InputError, match=f"levels {levels} was given"):
        interpret(BITS, "x", levels)


@pytest.mark.parametrize("levels", [None, 0, 255])
def test_the_first_hole_is_named(levels):
    table = np.zeros((5, 4))
    table[2, 3], table[4, 0] = np.nan, -np.inf
    with pytest.raises(InputError, match=r"x holds 2 NaN or infinite values, the first in row 3, column 4"):
        interpret(table, "x", levels)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((2, 2), complex), "complex128"),
        (np.array([["a", "b"]]), "<U1"),
        (np.array([[None]]), "object"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.zeros((2, 2, 2, 3)), r"shape \(2, 2, 2, 3\)"),
        (np.zeros((0, 3)), "empty"),
        (np.zeros((3, 0)), "empty"),
        (np.array([[1e300, -2.5]]), "too large for float32"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_in_one_line(array, said):
    with pytest.raises(InputError, match=said) as caught:
        interpret(array, "x", None)
    assert "\n" not in str(caught.value)


def test_settled_rows_are_contiguous_and_floats_are_copied():
    table = np.asfortranarray(np.array([[0.0, 0.5], [1.0, 0.25]]))
    before = table.copy()
    rows, _ = interpret(table, "x", None)
    rows[:] = 9
    assert rows.flags.c_contiguous
    np.testing.assert_array_equal(table, before)


def made(rows, levels=1, shape=None):
    labels = np.arange(len(rows))
    return Dataset("x", "train", rows, levels, shape or rows.shape[1:], labels, "memory")


def test_take_keeps_the_first_rows_and_their_labels():
    dataset = made(np.eye(4, dtype=np.uint8))
    part = dataset.take(3)
    assert (len(part), part.width, part.labels.tolist()) == (3, 4, [0, 1, 2])
    np.testing.assert_array_equal(part.rows, dataset.rows[:3])
    assert len(dataset.take(99)) == 4
    with pytest.raises(InputError, match="0 rows were asked for"):
        dataset.take(0)


def test_a_dataset_refuses_rows_and_shapes_that_do_not_fit():
    with pytest.raises(InputError, match="float64"):
        made(np.zeros((2, 2)))
    with pytest.raises(InputError, match=r"shape \(3, 3\) does not hold 4 values"):
        made(np.zeros((2, 4), np.uint8), shape=(3, 3))
