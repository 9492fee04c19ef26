"""Lower bounds on log Z that no chain can spoil: the weight of states that are there."""

import copy
import math

import numpy as np
import torch
from torch import Tensor

from ..arguments import checked
from ..machines import Bipartite, Machine, evidence
from ..numerics import Seed, stream
from ..units import Concat


@torch.no_grad()
def certificate(machine: Machine, x: Tensor, *, generator: Seed = None) -> float:
    """Return a lower bound on log Z in nats from states ``x``, (states, width), each counted once; −∞ for none.

    log Z ≥ log Σ exp(−free_energy(x)) over *distinct* states, and the same over distinct states of the row that is
    summed out, drawn given ``x``: the better of the two, each where the row has finitely many states.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(3, 2, generator=0)
        >>> truth = hm.evaluation.log_partition(rbm).value
        >>> abs(hm.evaluation.certificate(rbm, rbm.visible.states()) - truth) < 1e-6  # all states, each once
        True
    """
    generator = stream(generator, x.device)
    deep, best = copy.deepcopy(machine).double(), -math.inf
    if Concat(deep.rows[0]).count < math.inf:
        best = max(best, _total(-deep.free_energy(_distinct(x))))
    if isinstance(deep, Bipartite) and deep.odd.count < math.inf:
        y = _distinct(deep.odd.sample(deep.up(x.double()), generator=generator))
        best = max(best, _total(deep.even.cgf(deep.down(y)) - deep.odd.energy(y)))
    return best


@checked
@torch.no_grad()
def certificate_of_rows(machine: Machine, v: Tensor) -> float:
    """Return the lower bound on log Z that distinct visible rows give: log Σ p(v)·Z, or Σ of bounds; −∞ if continuous.

    With log Z at least this, no row has a probability above one.
    """
    if machine.visible.count == math.inf:
        return -math.inf
    deep = copy.deepcopy(machine).double()
    rows = _distinct(v)
    return _total(torch.cat([evidence(deep, part) for part in rows.split(2048)])) if len(rows) else -math.inf


def _distinct(x: Tensor) -> Tensor:
    """Return the rows that are states, once each: gray values, which stand for probabilities, are none.

    They are sorted by their bytes, which is ten times as fast as column by column.
    """
    states = x[(x == x.round()).all(-1)].double().cpu() + 0.0  # of one sign where they are zero
    rows = states.numpy().view(np.dtype((np.void, states.shape[-1] * states.element_size())))
    return states[torch.from_numpy(np.unique(rows, return_index=True)[1])].to(x.device)


def _total(log_weight: Tensor) -> float:
    return float(log_weight.logsumexp(0)) if len(log_weight) else -math.inf
