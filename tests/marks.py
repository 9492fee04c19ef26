"""Which cases of a law `make fast` goes through where all of them take long."""

from collections.abc import Iterable, Sequence

import pytest

FEW = ("bernoulli", "gaussian visible", "labeled", "three layers")  # a machine of each make that is quickly enumerated


def slow_but(names: Iterable[str], few: Sequence[str] = FEW) -> list:
    """Return the names as parameters, all but a few of them marked slow."""
    return [name if name in few else pytest.param(name, marks=pytest.mark.slow) for name in names]
