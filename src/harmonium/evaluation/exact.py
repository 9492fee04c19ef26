"""The exact partition function of small machines."""

import copy
import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from ..errors import InputError
from ..machines import Bipartite
from .estimate import Estimate

LIMIT = 2**25
Watch = Callable[[range], Iterable[int]]


def countable(machine: Bipartite) -> bool:
    """Say whether the smaller row has few enough states to list: at most 2²⁵."""
    return min(machine.even.count, machine.odd.count) <= LIMIT


@torch.no_grad()
def log_partition(machine: Bipartite, *, cells: int = 2**24, watch: Watch = iter) -> Estimate:
    """Return log Z in nats by listing the states of the smaller row in float64; the other row is summed in closed form.

    log Z = log Σ_y exp(even.cgf(down(y)) − odd.energy(y)), or the same with the rows exchanged.  ``cells`` bounds the
    numbers held at once; ``watch`` wraps the range of chunks, for a progress bar.

    Raises `InputError` when both rows have more than 2²⁵ states.
    """
    if not countable(machine):
        bits = math.log2(min(machine.even.count, machine.odd.count))
        raise InputError(f"the smaller row has 2^{bits:.0f} states and exact enumeration stops at 2^25: use annealing")
    deep = copy.deepcopy(machine).double()
    hidden = deep.odd.count <= deep.even.count
    here, there, send = (deep.odd, deep.even, deep.down) if hidden else (deep.even, deep.odd, deep.up)
    count, size = int(here.count), max(1, cells // (here.width + there.width))
    parts: list[Tensor] = []
    for first in watch(range(0, count, size)):
        state = here.pick(torch.arange(first, min(first + size, count), device=here.bias.device))
        parts.append(torch.logsumexp(there.cgf(send(state)) - here.energy(state), 0))
    return Estimate.exact(float(torch.logsumexp(torch.stack(parts), 0)))
