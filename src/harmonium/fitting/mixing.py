"""Whether the chains of a run stand for its model."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from torch import Generator, Tensor

from .. import evaluation
from ..evaluation import Estimate, Mixing
from ..progress import Progress, silent
from ..sampling import ParallelTempering
from .effort import Effort, Judge, effort
from .likelihood import ROWS, STATES, known_rows, log_partitions

if TYPE_CHECKING:
    from .run import Run

CHAINS, SEEN, BETAS = 100, 2000, 200  # chains, rows and temperatures at most


def mixing(run: "Run", *, judge: Judge = "full", progress: Progress = silent) -> Mixing:
    """Return the verdict on the chains that training left, or, where it left none, on chains begun at training rows.

    Where the training was tempered its chains stand on a new ladder of temperatures.  It takes what `effort` allows.
    """
    machine, chains, allowed = run.top, run.chains, effort(run, judge)
    few, begun_at = min(CHAINS, allowed.chains), None
    if chains is None:
        begun_at = "training rows" if run.splits is not None else "draws of the model"
    chains = states(run, few) if chains is None else chains[:few]
    g, rows = Generator().manual_seed(run.seed), known_rows(run, SEEN)
    tempered = run.config is not None and run.config.sampler in ("pt", "ptt") and run.chains is not None
    ladder = ParallelTempering.onto(machine, chains, generator=g) if tempered else None
    settings: dict[str, Any] = {"progress": progress, "generator": g}
    if allowed.n_betas <= BETAS:
        log_z = first_estimate(run, allowed, progress)
    else:
        log_z = evaluation.ais(machine, rows, chains=few, n_betas=BETAS, burn=allowed.burn, **settings)
    settings |= {"gibbs_steps": allowed.gibbs_steps, "begun_at": begun_at}
    found = evaluation.mixing(machine, chains, ladder, data=rows, log_z=log_z, **settings)
    run.remember("mixing", asdict(found))
    return found


def first_estimate(run: "Run", allowed: Effort, progress: Progress) -> Estimate:
    """Return the first estimate that an evaluation makes, from memory where it was made: it is the same."""
    if run.first_estimate is None or run.first_estimate[0] != allowed:
        seen = known_rows(run, ROWS)
        made = next(log_partitions(run.top, seen, "ais", seed=run.seed, progress=progress, allowed=allowed))
        run.first_estimate = allowed, made
    return run.first_estimate[1]


def states(run: "Run", count: int = STATES) -> Tensor:
    """Return states of the `top` machine whose visible part is `known_rows`, (states, width)."""
    return run.top.infer(known_rows(run, count), generator=Generator().manual_seed(run.seed))
