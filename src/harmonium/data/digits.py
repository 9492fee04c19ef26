"""The 8 × 8 digits that come with scikit-learn: real data without a download."""

import numpy as np

from harmonium.data.dataset import Table


def digits() -> Table:
    """Return the 1797 digits in one fixed random order, the last 20 % held out as the test set.

    Shape (1797, 8, 8), whole numbers 0 to 16 kept as uint8, labels 0 to 9.
    Source: the UCI "Optical Recognition of Handwritten Digits" test set (Alpaydin and Kaynak, 1998).
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.images))
    images, labels = bunch.images.astype(np.uint8)[order], bunch.target[order]
    return Table(images, labels, "digits", "scikit-learn load_digits", levels=16, held_out=len(order) // 5)
