"""Empty cells of a table filled in several times over, and how sure the model is of each."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .. import sampling
from ..encoding import Encoder, TableEncoder
from ..errors import InputError
from ..numerics import stream
from ..progress import Progress, silent

if TYPE_CHECKING:
    from .run import Run


@dataclass(frozen=True)
class Imputation:
    """Rows of a table whose empty cells are filled in: once by what is expected, and several times by draws.

    ``filled`` (rows, columns) and ``draws`` (draws, rows, columns) are codes, see `data.Schema.words`.  ``uncertainty``
    (rows, columns) is the deviation of a number that was filled in, of a level its probability; NaN where the cell was
    not empty.
    """

    filled: np.ndarray = field(repr=False)
    uncertainty: np.ndarray = field(repr=False)
    draws: np.ndarray = field(repr=False)

    def columns(self, encoder: Encoder) -> dict[str, np.ndarray]:
        """Return the draws below each other, by column, their numbers first; without draws what is expected."""
        count, rows, columns = self.draws.shape
        if not count:
            return encoder.columns_of(self.filled)
        number = {"draw": np.repeat(np.arange(1, count + 1), rows)}
        return number | encoder.columns_of(self.draws.reshape(-1, columns))


@torch.no_grad()
def imputed(
    run: "Run",
    given: np.ndarray,
    *,
    draws: int = 5,
    chains: int = 16,
    gibbs_steps: int = 200,
    seed: int | None = None,
    progress: Progress = silent,
) -> Imputation:
    """Return rows ``given``, (rows, columns), with NaN filled in: multiple imputation (Rubin, 1987).

    Rows without an empty cell cost nothing.  Each draw ends a chain of its own; means and deviations are those of all
    chains over the second half of their steps.
    """
    encoder = run.encoder
    if not isinstance(encoder, TableEncoder):
        raise InputError(f"{run.name} is of numbers of one kind, and draws are of tables of mixed columns: use impute")
    holes = np.isnan(given)
    some = np.flatnonzero(holes.any(1))
    filled, uncertainty, several = given.copy(), np.full_like(given, np.nan), np.repeat(given[None], draws, 0)
    if not len(some):
        return Imputation(filled, uncertainty, several)
    v = encoder.encode(torch.from_numpy(given[some]).float())
    known = ~v.isnan()
    v = torch.where(known, v, run.model.sample_independent(1, generator=0)[0, : v.shape[-1]])
    how: dict[str, Any] = {"chains": max(chains, draws), "gibbs_steps": gibbs_steps, "progress": progress}
    total, squares, count, last = torch.zeros_like(v), torch.zeros_like(v), 0, v[None]
    for last, _ in sampling.posterior(run.model, v, known, **how, generator=stream(run.seed if seed is None else seed)):
        natural = encoder.natural(last)
        total, squares, count = total + natural.mean(0), squares + natural.square().mean(0), count + 1
    mean = total / count
    spread = (squares / count - mean**2).clamp_min(0).sqrt()
    parts = [_sure(mean[:, cell], spread[:, cell], encoder, i) for i, cell in enumerate(encoder.cells)]
    empty = holes[some]
    filled[some] = np.where(empty, encoder.settle(mean).numpy(), given[some])
    uncertainty[some] = np.where(empty, torch.stack(parts, -1).numpy(), np.nan)
    several[:, some] = np.where(empty, encoder.decode(last[:draws]).numpy(), given[some])
    return Imputation(filled, uncertainty, several)


def level_of(encoder: TableEncoder, column: int) -> bool:
    """Say whether the cells of a column are levels."""
    return encoder.schema.modeled[column].leveled


def _sure(mean: torch.Tensor, spread: torch.Tensor, encoder: TableEncoder, column: int) -> torch.Tensor:
    """Return the probability of the likeliest level, or the deviation of a number, (rows,)."""
    numbers = encoder.numbers(column)
    if numbers is not None:
        return (mean @ numbers**2 - (mean @ numbers) ** 2).clamp_min(0).sqrt()
    if not level_of(encoder, column):
        return spread[:, -1]
    return mean.amax(-1) if mean.shape[-1] > 1 else torch.maximum(mean, 1 - mean)[:, 0]
