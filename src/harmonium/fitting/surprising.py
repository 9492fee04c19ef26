"""How surprising each cell of new rows is to a run."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from .. import evaluation, sampling
from ..data import Dataset, by_name
from ..errors import InputError
from ..machines import DBN, Machine
from ..numerics import stream
from ..progress import Progress, silent

if TYPE_CHECKING:
    from .run import Run

BATCH = 1000  # rows at a time
DRAWS, GIBBS_STEPS = 8, 30  # completions of a row with empty cells, and the steps that each takes


def surprise(run: "Run", dataset: Dataset, *, seed: int | None = None, progress: Progress = silent) -> np.ndarray:
    """Return −log p(cell | rest of the row) of every cell, (rows, columns), in nats; NaN where a cell is empty.

    Exact for whole rows, see `evaluation.surprise`; a number counts by its density on the scale of the training.  Where
    other cells are empty, 1/p(cell | those that are there) is the mean of 1/p(cell | rest) over completions m of the
    row, for p(m | row) / p(cell | rest) sums to 1 / p(cell | those that are there): `DRAWS` are taken.
    """
    model, encoder, g = run.model, run.encoder, stream(run.seed if seed is None else seed)
    if isinstance(model, DBN):
        raise InputError(f"{run.name} is a network, whose rows have only a bound: train an RBM to ask about cells")
    if model.labels and dataset.labels is None:
        raise InputError(f"{dataset.source} has no labels, and {run.name} asks for whole rows: give a label column")
    v = encoder.rows(dataset, sharp=True, labeled=True, generator=g)
    found = [_surprise(model, part, list(encoder.cells), g) for part in progress(v.split(BATCH), "surprise")]
    nats: np.ndarray = torch.cat(found).numpy()
    return nats


def by_column(run: "Run", nats: np.ndarray) -> dict[str, np.ndarray]:
    """Return the surprise of cells, (rows, columns), by what is written above each column."""
    return {f"surprise({name})": column for name, column in by_name(nats, run.encoder.names).items()}


def _surprise(model: Machine, v: Tensor, cells: list[slice], g: torch.Generator | None) -> Tensor:
    holed = v.isnan().any(-1)
    found = v.new_empty(len(v), len(cells))
    if not bool(holed.all()):
        found[~holed] = evaluation.surprise(model, v[~holed], cells)
    if bool(holed.any()):
        whole = sampling.complete(model, v[holed], draws=DRAWS, gibbs_steps=GIBBS_STEPS, generator=g)
        nats = evaluation.surprise(model, whole.flatten(0, 1), cells).unflatten(0, (DRAWS, -1))
        found[holed] = nats.logsumexp(0) - torch.tensor(float(DRAWS)).log()
    empty = torch.stack([v[:, cell].isnan().any(-1) for cell in cells], -1)
    return torch.where(empty, torch.nan, found)
