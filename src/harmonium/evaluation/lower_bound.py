"""A lower bound on the likelihood of rows, by annealing from each of them: RAISE."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ..arguments import Count, checked
from ..errors import InputError
from ..machines import DBN, Machine, abreast, ais_base, evidence, label_log_probs
from ..numerics import Seed, one_hot, permutation, stream
from ..progress import Progress, silent
from ..sampling import BETAS, lengths, space_evenly
from ..units import Concat, Rows
from .ais import PILOT, climb
from .estimate import Estimate

ROWS = 200
NEVER = 1e-12  # the share of a basin in which no chain has ended: rows may lie there all the same
CLOSE = 0.25  # nats that the estimate may lie above the bound to be certified


@dataclass(frozen=True)
class LowerBound:
    """The mean log-likelihood of some rows, twice, in nats a row: as estimated, and a lower bound on what is attained.

    ``bound`` is that of a model which anyone can draw from: the chains that annealing leads up to the machine.  Where
    that reaches the estimate the two are one, and the number is ``certified``.  The errors are standard errors over
    ``rows``; ``gap`` is estimate − bound, and ``gap_error`` its own.
    """

    estimate: float
    bound: float
    bound_error: float
    gap: float
    gap_error: float
    rows: int
    verdict: str
    reason: str


@checked
@torch.no_grad()
def lower_bound(
    machine: Machine | DBN,
    v: Rows,
    log_z: Estimate,
    data: Rows | None = None,
    *,
    rows: Count = ROWS,
    chains: Count = 4,
    n_betas: Count = 1000,
    progress: Progress = silent,
    generator: Seed = None,
) -> LowerBound:
    """Return a lower bound on the mean log-likelihood of rows ``v`` beside its estimate (Burda, Grosse & Salakhutdinov,
    2015).

    Chains led down from a row give an unbiased estimate of the probability that chains led up end in that row, p̂(v) =
    share · exp(−F(v)) · mean(1/weight), where ``share`` of them start in the basin of the row, by its share of Z in
    ``log_z``, an estimate of `ais`.  E[log p̂] is at most its log.  What is latent is drawn by mean field, and
    weighed; a label that the rows lack is drawn from its exact probabilities.

    Args:
        v: the rows, (rows, visible), of which ``rows`` are taken.
        chains: how many are led down from each row.

    Raises:
        InputError: for a network, whose likelihood is a bound already, and for an estimate without basins.

    Example:
        >>> import harmonium as hm
        >>> rbm, v = hm.RBM(9, 4, generator=0), hm.data.bars_and_stripes(3)
        >>> log_z = hm.evaluation.ais(rbm, v, n_betas=50, generator=0)
        >>> hm.evaluation.lower_bound(rbm, v, log_z, n_betas=50, generator=0).verdict
        'certified'
    """
    generator = stream(generator, machine.weights[0].device)
    if isinstance(machine, DBN) or log_z.basins is None:
        what = "a network, whose likelihood is a bound already" if isinstance(machine, DBN) else "a sum over all states"
        raise InputError(f"a bound by annealing was asked for {what}: leave --certify out")
    v, data = machine.as_rows(v), None if data is None else machine.as_rows(data, "data")
    chosen = v[permutation(len(v), generator=generator)[:rows]]
    x, known = completed(machine, chosen, generator)
    basin = log_z.basins.of(x)
    starts, spacing = _starts(machine, log_z, data, generator)
    table = (
        torch.stack([space_evenly(BETAS, one, n_betas) for one in spacing.unbind(1)], 1)[:, basin.cpu()].flip(0).to(x)
    )
    zero = torch.stack([start.log_partition_independent().double() for start in starts])[basin]
    own = abreast([starts[k] for k in basin.tolist()])
    label = f"annealing down from {len(x)} rows"
    weight, _ = climb(own, machine, progress(table, label), x[:, None].expand(-1, chains, -1), generator=generator)
    implied = zero[:, None] - weight
    share = torch.tensor(log_z.shares, dtype=torch.float64, device=x.device)
    share = (share / share.sum()).clamp_min(NEVER)[basin]
    bound = known + share.log() + torch.logsumexp(-implied, 1) - math.log(chains)
    estimate = evidence(machine, chosen).double() - log_z.value
    return _compare(estimate, bound, log_z)


def completed(machine: Machine, v: Tensor, generator: Generator | None) -> tuple[Tensor, Tensor]:
    """Return whole states whose visible part is ``v``, and −F less the log-probability that the rest was drawn with."""
    known = torch.zeros(len(v), dtype=torch.float64, device=v.device)
    if v.shape[-1] < machine.visible.width:
        scores = label_log_probs(machine, v)
        label = one_hot(scores, generator=generator)
        known -= (torch.log_softmax(scores.double(), -1) * label).sum(-1)
        v = torch.cat([v, label], -1)
    if machine.latent:
        rest, field = Concat(*machine.latent), machine.mean_field(v).field
        y = rest.sample(field, generator=generator)
        known -= ((field * y).sum(-1) - rest.energy(y) - rest.cgf(field)).double()
        v = torch.cat([v, y], -1)
    return v, known - machine.free_energy(v).double()


def _starts(
    machine: Machine, log_z: Estimate, data: Tensor | None, generator: Generator | None
) -> tuple[list[Machine], Tensor]:
    """Return a start for each basin, whichever of two leads to the machine by the shorter path, and the lengths."""
    assert log_z.basins is not None
    fields = [machine.independent(log_z.basins.points(k)) for k in range(log_z.basins.count)]
    tried = [*fields, ais_base(machine, data)]
    x = torch.stack([start.sample_independent(PILOT, generator=generator) for start in tried])
    spacing, _ = lengths(abreast(tried), machine, x, generator=generator)
    alone = len(fields) == 1 and bool(spacing[:, 1].sum() < spacing[:, 0].sum())
    return (tried[1:], spacing[:, 1:]) if alone else (fields, spacing[:, :-1])


def _compare(estimate: Tensor, bound: Tensor, log_z: Estimate) -> LowerBound:
    n, gap = len(bound), estimate - bound
    spread = [float(one.std()) / n**0.5 for one in (bound, gap)]
    size = float(gap.mean())
    if log_z.verdict == "inconsistent":
        said = "inconsistent", log_z.reason
    elif abs(size) <= min(CLOSE, 3 * math.hypot(spread[1], log_z.error) + 0.02):
        said = "certified", f"the bound comes within {size:.2f} nats of the estimate"
    else:
        way = "below the estimate: more temperatures raise it" if size > 0 else "above the estimate, which is too low"
        said = log_z.verdict, f"the bound lies {abs(size):.2f} nats {way}"
    return LowerBound(float(estimate.mean()), float(bound.mean()), spread[0], size, spread[1], n, *said)
