"""How much work judging a run may take: by the sizes of its training and never by a clock."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .run import Run

Judge = Literal["quick", "full"]


@dataclass(frozen=True)
class Effort:
    """What judging takes at most.

    Annealing begins with ``n_betas`` temperatures and ends at ``most``, with ``chains`` chains, and looks for basins by
    ``burn`` Gibbs steps; chains take ``gibbs_steps`` Gibbs steps.
    """

    n_betas: int
    most: int
    burn: int
    chains: int
    gibbs_steps: int


FULL = Effort(n_betas=1000, most=64_000, burn=200, chains=200, gibbs_steps=10_000)  # all that judging may take


def effort(run: "Run", judge: Judge) -> Effort:
    """Return what judging a run takes: all that it may, or (``quick``) about as many Gibbs steps as its updates took.

    An update takes about as long as a Gibbs step of four times as many chains, and a temperature as three updates.
    """
    if judge == "full" or not run.history:
        return FULL
    updates = int(run.history[-1]["step"])
    n_betas = _within(100, updates // 4, FULL.n_betas)
    return Effort(
        n_betas=n_betas,
        most=max(n_betas, updates // 3),
        burn=_within(20, updates, FULL.burn),
        chains=_within(50, updates, FULL.chains),
        gibbs_steps=_within(128, updates, FULL.gibbs_steps),
    )


def _within(low: int, value: int, high: int) -> int:
    return min(max(value, low), high)
