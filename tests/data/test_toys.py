"""Toys whose best log-likelihood is known: log of the frequency of each pattern."""

import math

import pytest
import torch

from harmonium.data import bars_and_stripes
from harmonium.errors import InputError


def best_log_likelihood(rows):
    _, where, counts = torch.unique(rows, dim=0, return_inverse=True, return_counts=True)
    return (counts[where].double() / len(rows)).log().mean().item()


@pytest.mark.parametrize(("n", "count"), [(1, 2), (2, 6), (3, 14), (4, 30), (5, 62)])
def test_distinct_bars_and_stripes(n, count):
    rows = bars_and_stripes(n)
    assert (rows.dtype, rows.shape) == (torch.float32, (count, n * n))
    assert len(torch.unique(rows, dim=0)) == count
    assert best_log_likelihood(rows) == pytest.approx(-math.log(count), abs=1e-12)


@pytest.mark.parametrize(("n", "best"), [(2, -1.7329), (3, -2.5993), (4, -3.3791), (5, -4.1156)])
def test_bars_and_stripes_with_duplicates(n, best):
    rows = bars_and_stripes(n, duplicates=True)
    assert len(rows) == 2 * 2**n
    assert len(torch.unique(rows, dim=0)) == 2 * 2**n - 2
    assert best_log_likelihood(rows) == pytest.approx(best, abs=5e-5)


def test_each_picture_has_whole_rows_or_whole_columns():
    for picture in bars_and_stripes(4).reshape(-1, 4, 4):
        rows_agree = bool((picture == picture[:, :1]).all())
        columns_agree = bool((picture == picture[:1]).all())
        assert rows_agree or columns_agree


@pytest.mark.parametrize("n", [0, 17])
def test_a_side_out_of_range_is_refused(n):
    with pytest.raises(InputError, match=f"side {n}"):
        bars_and_stripes(n)
