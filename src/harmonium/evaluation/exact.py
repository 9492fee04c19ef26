"""The exact partition function of small machines."""

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..arguments import checked
from ..errors import InputError
from ..machines import Bipartite, Machine, check_normalizable
from ..progress import Progress, silent
from ..units import Concat, Units
from .estimate import Estimate

LIMIT = 2**25


@checked
def n_enumerated_states(machine: Machine) -> float:
    """Return the number of states that `log_partition` would list: those of the smaller row, or of all units."""
    if isinstance(machine, Bipartite):
        return min(machine.even.count, machine.odd.count)
    return Concat(machine.visible, *machine.latent).count


def is_enumerable(machine: Machine) -> bool:
    """Say whether there are few enough states to list: at most 2²⁵."""
    return n_enumerated_states(machine) <= LIMIT


@checked
@torch.no_grad()
def log_partition(machine: Machine, *, cells: int = 2**19, progress: Progress = silent) -> Estimate:
    """Return log Z in nats by listing states in float64.

    Two rows: log Z = log Σ_y exp(even.cgf(down(y)) − odd.energy(y)), or the same with the rows exchanged, the smaller
    row listed and the other summed in closed form.  Other machines: all states.  ``cells`` bounds the numbers held at
    once; ``progress`` wraps the range of chunks, for a progress bar.

    Raises:
        InputError: when there are more than 2²⁵ states to list, or the machine has no normalizer.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(9, 4).independent()  # without weights every state weighs the same: log 2¹³
        >>> round(hm.evaluation.log_partition(rbm).value, 4)
        9.0109
    """
    check_normalizable(machine)
    if not is_enumerable(machine):
        bits = math.log2(n_enumerated_states(machine))
        raise InputError(f"there are 2^{bits:.0f} states to list and exact enumeration stops at 2^25: use annealing")
    deep = copy.deepcopy(machine).double()
    if not isinstance(deep, Bipartite):
        return _total(Concat(deep.visible, *deep.latent), lambda x: -deep.free_energy(x), deep.width, cells, progress)
    hidden = deep.odd.count <= deep.even.count
    here, there, send = (deep.odd, deep.even, deep.down) if hidden else (deep.even, deep.odd, deep.up)
    return _total(here, lambda x: there.cgf(send(x)) - here.energy(x), here.width + there.width, cells, progress)


def _total(row: Units, score: Callable[[Tensor], Tensor], width: int, cells: int, progress: Progress) -> Estimate:
    """Return the log-sum of ``score`` over every state of a row, chunk by chunk."""
    count, size = int(row.count), max(1, cells // width)
    parts: list[float] = []  # not tensors: small ones that are kept between large ones split the heap
    for first in progress(range(0, count, size), "summing all states"):
        state = row.state_at(torch.arange(first, min(first + size, count), device=row.bias.device))
        parts.append(float(torch.logsumexp(score(state), 0)))
    return Estimate.exact(float(torch.tensor(parts, dtype=torch.float64).logsumexp(0)))
