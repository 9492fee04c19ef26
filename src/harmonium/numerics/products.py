"""The precision of matrix products."""

import time
from contextlib import AbstractContextManager

import torch
from torch import Tensor

GAIN = 1.3  # bfloat16 must be so much faster to be worth its rounding
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def products(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which products of matrices round their factors to ``precision``, and their sums once.

    Parameters, energies and draws stay float32; states of 0 and 1 lose nothing.  What is sampled is the machine of the
    rounded weights, whose fields are rounded to the same type: to one part in 256 for bfloat16.
    """
    rounded = PRECISIONS[precision] != torch.float32
    # The cache of casts is left off: filled without gradients, it would hide the weights from the gradient.
    return torch.autocast(device.type, PRECISIONS[precision], enabled=rounded, cache_enabled=False)


def factor(x: Tensor) -> Tensor:
    """Return states of several products as products round them here; not weights, whose gradient it would lose."""
    kind = x.device.type
    rounds = x.dtype == torch.float32 and torch.is_autocast_enabled(kind)
    return x.to(torch.get_autocast_dtype(kind)) if rounds else x


@torch.no_grad()
def fastest(rows: int, width: int, hidden: int, device: torch.device) -> str:
    """Return the precision in which (rows, width) times (width, hidden) is fastest here, and right."""
    x, weight = torch.ones(rows, width, device=device), torch.linspace(-1, 1, hidden, device=device).repeat(width, 1)
    seconds = {}
    for name in PRECISIONS:
        with products(name, device):
            found = x @ weight
            seconds[name] = min(_seconds(x, weight) for _ in range(5))
    right = torch.allclose(found.float(), width * weight[0].bfloat16().float().expand_as(found), rtol=2**-8, atol=1e-6)
    return "bfloat16" if right and seconds["bfloat16"] * GAIN < seconds["float32"] else "float32"


def _seconds(x: torch.Tensor, weight: torch.Tensor) -> float:
    since = time.perf_counter()
    float((x @ weight)[0, 0])  # read, so that a device has done it
    return time.perf_counter() - since
