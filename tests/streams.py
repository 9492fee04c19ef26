"""The global streams of torch, numpy and Python, which nothing that the library does may move."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import rich.style  # noqa: F401  (draws a number from Python's stream when it is imported)
import torch


@contextmanager
def untouched() -> Iterator[None]:
    """Fail where what runs within it draws from a global stream, or seeds one."""
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    yield
    after = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    assert torch.equal(after[0], before[0]), "torch's global stream has moved"
    assert all(np.array_equal(a, b) for a, b in zip(after[1], before[1], strict=True)), (
        "numpy's global stream has moved"
    )
    assert after[2] == before[2], "Python's global stream has moved"
