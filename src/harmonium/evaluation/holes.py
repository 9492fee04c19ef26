"""The evidence of rows of which some cells are not known: these are summed out, or their sum is estimated."""

import copy
import math

import torch
from torch import Generator, Tensor

from ..errors import InputError
from ..machines import DBN, Bipartite, Machine
from ..numerics import Seed, stream
from .estimate import log_evidence

LISTED = 2**10  # states of the odd row that are summed for every row
DRAWS, BURN = 32, 20  # draws of what is missing that a sum is estimated from, and clamped Gibbs steps before them


@torch.no_grad()
def log_evidence_of_known(machine: Machine | DBN, v: Tensor, *, generator: Seed = None) -> Tensor:
    """Return log p(what is known of v) + log Z of each row, in float64: NaN in ``v``, (rows, visible), is not known.

    A sum over the odd row where it has at most 2¹⁰ states, else importance sampling: the mean of p̃(known, m)/q(m) over
    draws m of what is missing, where q is the mixture of the conditionals given the odd states of 32 clamped chains
    (deterministic mixture weights; Veach & Guibas, 1995).  Its logarithm is on average too low, never too high.

    Raises `InputError` for what is no machine of a visible and a hidden row.
    """
    holed = v.isnan().any(-1)
    if not bool(holed.all()):
        found = v.new_empty(len(v), dtype=torch.float64)
        found[~holed] = log_evidence(machine, v[~holed], generator=generator)
        if bool(holed.any()):
            found[holed] = log_evidence_of_known(machine, v[holed], generator=generator)
        return found
    if not isinstance(machine, Bipartite) or machine.latent:
        raise InputError(
            f"rows with empty cells were given, and a {type(machine).__name__} cannot sum these out: fill them in, or "
            "train an rbm"
        )
    deep, generator = copy.deepcopy(machine).double(), stream(generator, v.device)
    v, labels = v.double(), machine.visible.width - v.shape[-1]
    v = torch.cat([v, v.new_full((len(v), labels), torch.nan)], -1)
    one = _listed if deep.odd.count <= LISTED else _sampled
    return torch.cat([one(deep, part, generator) for part in v.split(200)])


def _own(machine: Bipartite, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return rows with zeros for what is missing, minus the energy of the sites that are known, and which these are."""
    sites = machine.even.sites()
    known = torch.stack([~v[:, columns[0]].isnan() for columns in sites], -1)
    x = v.nan_to_num()
    own = torch.stack([machine.even.select(columns).energy(x[:, columns]) for columns in sites], -1)
    return x, -torch.where(known, own, 0.0).sum(-1), known


def _cgfs(machine: Bipartite, fields: Tensor) -> Tensor:
    """Return the cgf of every site under fields on the even row, (..., even) → (..., sites)."""
    return torch.stack([machine.even.select(columns).cgf(fields[..., columns]) for columns in machine.even.sites()], -1)


def _listed(machine: Bipartite, v: Tensor, generator: Generator | None) -> Tensor:
    x, own, known = _own(machine, v)
    y = machine.odd.states()
    fields = machine.down(y)
    scores = x @ fields.mT + (~known).to(x) @ _cgfs(machine, fields).mT - machine.odd.energy(y)
    return own + scores.logsumexp(-1)


def _sampled(machine: Bipartite, v: Tensor, generator: Generator | None) -> Tensor:
    x, _, known = _own(machine, v)
    clamped, sites = ~v.isnan(), machine.even.sites()
    start = machine.sample_independent(DRAWS * len(v), generator=generator).view(DRAWS, len(v), -1)
    m = torch.where(clamped, x, start)
    for _ in range(BURN):
        y = machine.odd.sample(machine.up(m), generator=generator)
        fields = machine.down(y)
        m = torch.where(clamped, x, machine.even.sample(fields, generator=generator))
    energy = torch.stack([machine.even.select(columns).energy(m[..., columns]) for columns in sites], -1)
    free = torch.where(clamped, 0.0, m).transpose(0, 1)  # (rows, draws, even)
    against = free @ fields.permute(1, 2, 0)  # (rows, draws, conditionals)
    missing = (~known).to(x)
    against = (
        against - (_cgfs(machine, fields) * missing).sum(-1).mT[:, None] - (energy * missing).sum(-1).mT[..., None]
    )
    log_q = against.logsumexp(-1) - math.log(DRAWS)
    return (-machine.free_energy(m).mT - log_q).logsumexp(-1) - math.log(DRAWS)
