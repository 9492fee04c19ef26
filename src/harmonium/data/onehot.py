"""Columns of bits that are the levels of one category each: blocks of neighbors of which never two are on."""

import numpy as np

from harmonium.data.dataset import Dataset

FEWEST = 50  # rows that tell of blocks
TOGETHER = 20.0  # rows in which two bits would be on by chance: that none is has a chance of e⁻²⁰


def one_hot_blocks(dataset: Dataset) -> list[int]:
    """Return the sizes of the blocks that the columns of bits are, from left to right; a column alone is one too.

    A block is as many neighbors as have never two on in a row, if in every row, of `FEWEST` at least, one is, or if
    each, were it independent of those before it, would be on beside one of them in `TOGETHER` rows.
    """
    on = dataset.rows.T != 0
    found, first, taken = list[int](), 0, on[0]
    for column in range(1, len(on) + 1):
        if column == len(on) or (taken & on[column]).any():
            found += _blocks(on[first:column], bool(taken.all()))
            first, taken = column, on[min(column, len(on) - 1)]
        else:
            taken = taken | on[column]
    return found


def _blocks(on: np.ndarray, whole: bool) -> list[int]:
    shares, count = on.mean(1), on.shape[1]
    if whole and count >= FEWEST and shares.max() < 1:
        return [len(on)]
    sizes, taken = [1], shares[0]
    for share in shares[1:]:
        if count * share * taken >= TOGETHER:
            sizes[-1], taken = sizes[-1] + 1, taken + share
        else:
            sizes.append(1)
            taken = share
    return sizes


def mostly_one_hot(sizes: list[int]) -> bool:
    """Say whether half of the columns or more are in blocks of several."""
    return 2 * sum(size for size in sizes if size > 1) >= sum(sizes)
