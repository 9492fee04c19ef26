"""What a run says of each row: scores, features, reconstructions; and the files that they are written to."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .. import evaluation, storage
from ..arguments import checked
from ..data import Dataset, check_ending, table_bytes
from ..errors import InputError
from ..evaluation import Estimate
from ..machines import DBN
from ..numerics import stream
from ..progress import Progress, silent
from .effort import effort
from .likelihood import ROWS, known_rows, log_partitions
from .surprising import by_column, surprise

if TYPE_CHECKING:
    from .run import Run

BATCH = 1000


@dataclass(frozen=True)
class Scores:
    """How likely each row is, (rows,) each, in nats: low scores are surprising rows.

    ``log_likelihood`` is log p of the row, or a bound on it with ``bound``; ``lower`` and ``upper`` are the bracket
    that log Z leaves it, which is the same for all rows, with its ``verdict`` and the ``reason`` for it.
    ``free_energy`` is −log p − log Z: differences of it need no log Z.
    """

    free_energy: np.ndarray = field(repr=False)
    log_likelihood: np.ndarray = field(repr=False)
    lower: np.ndarray = field(repr=False)
    upper: np.ndarray = field(repr=False)
    verdict: str
    reason: str
    bound: bool
    cells: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    """The surprise of each column's cells, (rows,) each, where it was asked for: see `Run.surprise`."""

    def __str__(self) -> str:
        """Return the mean and how far it can be trusted as one plain sentence."""
        bound = "at least " if self.bound else ""
        return f"mean log-likelihood {bound}{self.log_likelihood.mean():.2f} nats a row ({self.verdict}: {self.reason})"

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The figures by name."""
        names = ("free_energy", "log_likelihood", "lower", "upper")
        return {name: getattr(self, name) for name in names} | self.cells


@checked
def score(
    run: "Run", dataset: Dataset, *, cells: bool = False, max_time: float | None = None, progress: Progress = silent
) -> Scores:
    """Return how likely each row is, and with ``cells`` how surprising each cell is.

    log Z is the one that the run's passport holds, from an evaluation before; where there is none it is estimated, as
    `likelihood.evaluate` does. Labels are summed out.
    """
    model = run.model
    v = run.encoder.rows(dataset, sharp=True, generator=stream(0))
    log_z = known_partition(run, max_time=max_time, progress=progress)
    evidence = evaluation.log_evidence_of_known(model, v, generator=run.seed).numpy()
    return Scores(
        free_energy=-evidence,
        log_likelihood=evidence - log_z.value,
        lower=evidence - log_z.high,
        upper=evidence - log_z.low,
        verdict=log_z.verdict,
        reason=log_z.reason,
        bound=isinstance(model, DBN) or bool(model.latent),
        cells=by_column(run, surprise(run, dataset, progress=progress)) if cells else {},
    )


def known_partition(run: "Run", *, max_time: float | None = None, progress: Progress = silent) -> Estimate:
    """Return log Z as evaluations of the run have found it, by the narrowest bracket; estimated where none was made."""
    found = list(run.passport.get("evaluation", {}).values())
    if not found:
        rows, allowed = known_rows(run, ROWS), effort(run, "full")
        settings: dict[str, Any] = {"seed": run.seed, "max_time": max_time, "progress": progress, "allowed": allowed}
        *_, last = log_partitions(run.top, rows, **settings)
        return last
    best = min(found, key=lambda told: told["upper"] - told["lower"])
    value, mean = best["log_partition"], best["log_likelihood"]
    return Estimate(
        value, best["error"], best["method"], best["verdict"], best["reason"],
        low=value + mean - best["upper"], high=value + mean - best["lower"],
    )  # fmt: skip


@checked
@torch.no_grad()
def features(run: "Run", dataset: Dataset, *, layer: int | None = None, progress: Progress = silent) -> np.ndarray:
    """Return the means of a hidden layer given each row, (rows, units); the lowest is 1, the highest is the default."""
    parts = _states(run, dataset).split(BATCH)
    found = [run.model.hidden_means(part) for part in progress(parts, "features")]
    layers = len(found[0])
    if not layers:
        raise InputError(f"{run.name} has no hidden units, and so no features: train it with --hidden")
    if layer is not None and not 1 <= layer <= layers:
        raise InputError(f"--layer {layer} was given where 1 to {layers} was expected: {run.name} has no other")
    means: np.ndarray = torch.cat([means[(layer or layers) - 1] for means in found]).numpy()
    return means


@torch.no_grad()
def reconstruct(run: "Run", dataset: Dataset, *, progress: Progress = silent) -> np.ndarray:
    """Return the means of each row after a pass up and down, (rows, columns), in the scale of the rows."""
    v = _states(run, dataset)
    found = [run.encoder.decode(_passed(run, part)) for part in progress(v.split(BATCH), "reconstructing")]
    scale = max(dataset.levels, 1) / run.encoder.unit
    means: np.ndarray = torch.cat(found).numpy() * scale
    return means


def _states(run: "Run", dataset: Dataset) -> Tensor:
    """Return rows as states; where the machine learns labels, the probability of each class stands behind them."""
    v = run.encoder.rows(run.filled(dataset), generator=stream(0))
    if isinstance(run.model, DBN) or not run.model.labels:
        return v
    return torch.cat([v, evaluation.class_log_probs(run.model, v).softmax(-1).to(v)], -1)


def _passed(run: "Run", v: Tensor) -> Tensor:
    model = run.model
    return model.reconstruct(model.infer(v, generator=stream(run.seed)))[..., : run.encoder.width]


def write(out: str | Path | None, columns: dict[str, np.ndarray], ids: np.ndarray) -> None:
    """Write columns, (rows,) each, to a file if there is to be one: .csv and .json with the rows' ids, .npy without."""
    if out is not None:
        storage.write_where_asked(out, table_bytes(check_ending(out), columns, ids))


def ids_of(dataset: Dataset) -> np.ndarray:
    """Return the file's own ids of its rows, or their numbers from 1."""
    return np.arange(1, len(dataset) + 1) if dataset.ids is None else dataset.ids
