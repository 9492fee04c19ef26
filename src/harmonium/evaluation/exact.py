"""The exact partition function of small machines."""

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..arguments import checked
from ..errors import InputError
from ..machines import Bipartite, Machine, check_normalizable
from ..machines.boltzmann import sites
from ..progress import Progress, silent
from ..units import Concat, Units
from .estimate import Estimate

LIMIT = 2**25
DEPTH = 600.0  # nats that a product may fall by before float64 loses it
HALVINGS = 4  # 2⁴ sums are multiplied before a logarithm is taken


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
    row listed and the other summed in closed form.  Fields add, so those of the last sites are made once for all
    states of the others.  Other machines: all states.  ``cells`` bounds the numbers held at once; ``progress`` wraps
    the range of chunks, for a progress bar.

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
    cut = _start_of_last(here, cells // there.width)
    if not cut:  # few states in all
        return _total(here, lambda x: there.cgf(send(x)) - here.energy(x), there.width, cells, progress)
    columns = torch.arange(here.width, device=here.bias.device)
    first, last = here.select(columns[:cut]), here.select(columns[cut:])
    listed = last.states()
    own, cgf = last.energy(listed), _cgf_of_sums(there, send(pad(listed, (cut, 0))))

    def score(x: Tensor) -> Tensor:
        return (cgf(send(pad(x, (0, last.width)))) - own).logsumexp(-1) - first.energy(x)

    return _total(first, score, max(there.width, len(listed)), cells, progress)


def _total(row: Units, score: Callable[[Tensor], Tensor], width: int, cells: int, progress: Progress) -> Estimate:
    """Return the log-sum of ``score`` over every state of a row, chunk by chunk."""
    count, size = int(row.count), max(1, cells // width)
    parts: list[float] = []  # not tensors: small ones that are kept between large ones split the heap
    for first in progress(range(0, count, size), "summing all states"):
        state = row.state_at(torch.arange(first, min(first + size, count), device=row.bias.device))
        parts.append(float(torch.logsumexp(score(state), 0)))
    return Estimate.exact(float(torch.tensor(parts, dtype=torch.float64).logsumexp(0)))


def _start_of_last(row: Units, most: int) -> int:
    """Return the column at which the last sites begin that have at most so many states together; one at least."""
    site = sites(row)
    starts = site.diff(prepend=site.new_tensor([-1])).nonzero().flatten().tolist()
    columns = torch.arange(row.width, device=site.device)
    return next((start for start in starts if row.select(columns[start:]).count <= most), starts[-1])


def _cgf_of_sums(row: Units, fields: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the function of ``more``, (m, width), that gives a row's cgf at every sum of two fields, (m, n)."""
    parts = row.components()
    widths = [part.width for part in parts]
    found = [_part(part, piece) for part, piece in zip(parts, fields.split(widths, -1), strict=True)]

    def cgf(more: Tensor) -> Tensor:
        pieces = more.split(widths, -1)
        return torch.stack([one(piece) for one, piece in zip(found, pieces, strict=True)]).sum(0)

    return cgf


def _part(row: Units, fields: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the function of `_cgf_of_sums` for a row of one kind."""
    if row.linear and row.values() is not None and (found := _Products(row, fields)).depth <= DEPTH:
        return found
    return lambda more: torch.stack([row.cgf(fields + one) for one in more])


class _Products:
    """The function of `_cgf_of_sums` for finitely many values: exp(cgf) is Π over sites of Σ_values exp(value·field).

    Each exponential is one of the ``fields`` times one of what is added to them, so that none is taken state by state.
    """

    def __init__(self, row: Units, fields: Tensor):
        self.row, self.values = row, torch.as_tensor(row.values())
        self.own, logs = self._against_first(fields)
        self.most = logs.amax(1, keepdim=True)
        logs -= self.most
        self.depth = max(-float(logs.min()), math.log(len(self.values)))  # how far below or above 1 a sum may lie
        self.factors = logs.exp_()
        self.halvings = min(HALVINGS, int(math.log2(max(1.0, DEPTH / self.depth))))

    def __call__(self, more: Tensor) -> Tensor:
        own, logs = self._against_first(self.row.bias + more)
        logs += self.most
        top = logs.amax(0).clamp_min(0)
        firsts, weights, room = (-top).exp(), (logs - top).exp(), torch.empty_like(self.factors[0])
        found = [self._log_product(first, weights[:, i], room) for i, first in enumerate(firsts)]
        return torch.stack(found) + self.own + (own + top.sum(-1))[:, None]

    def _against_first(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return Σ field·(first value), (rows,), and field·(value − first value), (values − 1, rows, sites)."""
        site, first = x.unflatten(-1, (-1, self.values.shape[1])), self.values[0]
        return (site @ first).sum(-1), torch.stack([site @ (value - first) for value in self.values[1:]])

    def _log_product(self, first: Tensor, weights: Tensor, room: Tensor) -> Tensor:
        """Return Σ over sites of log(first + Σ weight·factor), for all ``fields``; ``room`` is filled anew."""
        sums = torch.addcmul(first, weights[0], self.factors[0], out=room)
        for weight, factor in zip(weights[1:], self.factors[1:], strict=True):
            sums.addcmul_(weight, factor)
        for _ in range(self.halvings):
            half = sums.shape[1] // 2
            sums[:, :half] *= sums[:, sums.shape[1] - half :]  # of an odd number the middle one stays
            sums = sums[:, : sums.shape[1] - half]
        return sums.log().sum(1)
