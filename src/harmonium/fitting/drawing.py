"""New rows and pictures out of a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from .. import plots, storage
from ..data import check_ending, listed, table_bytes
from ..errors import InputError
from ..machines import DBN, RBM, Machine, at_temperature
from ..numerics import stream
from ..progress import Progress, silent
from ..sampling import sample_chain, tempered_chain
from .likelihood import known_rows

if TYPE_CHECKING:
    from .run import Run

ENDINGS = (".png", ".gif", ".npy", ".csv", ".json")


@dataclass(frozen=True)
class Frame:
    """Chains after so many Gibbs steps: their states and the means of the last draw, in the scale of the data."""

    gibbs_steps: int
    states: np.ndarray
    means: np.ndarray


def chain(
    run: "Run",
    count: int = 64,
    gibbs_steps: int = 1000,
    *,
    label: int | str | None = None,
    sampler: str = "gibbs",
    temperature: float = 1.0,
    seed: int | None = None,
    progress: Progress = silent,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the visible states, and the means that they were drawn from, of chains from random states at every step.

    With a ``label`` the label is clamped; with ``"all"`` there are ``count`` chains for each.  The ``sampler`` is
    gibbs, or pt: chains on a ladder of parallel tempering.  Raises `InputError` where the run has no labels, or one is
    out of range, or the ladder would have to climb with a label clamped.
    """
    settings: dict[str, Any] = {"progress": progress, "generator": stream(run.seed if seed is None else seed)}
    labels = None if label is None else torch.tensor(known_labels(run, label)).repeat_interleave(count)
    model = heated(run.model, temperature)
    if sampler == "pt" and labels is None:
        return tempered_chain(model, count, gibbs_steps, known_rows(run), **settings)
    if sampler != "gibbs":
        given = f"the sampler {sampler!r} was" if labels is None else f"a label and the sampler {sampler!r} were"
        raise InputError(f"{given} given where gibbs, or pt without a label, was expected: leave --sampler out")
    rows = count if labels is None else len(labels)
    return sample_chain(model, rows, gibbs_steps, label=labels, **settings)


@torch.no_grad()
def frames(run: "Run", count: int = 64, gibbs_steps: int = 1000, *, kept: int = 60, **settings: Any) -> list[Frame]:
    """Return about ``kept`` moments of `chain`, evenly spaced in the logarithm of the steps, as rows of the data."""
    wanted = {int(n) for n in np.unique(np.geomspace(1, gibbs_steps, kept).round())}
    decode = run.encoder.decode
    return [
        Frame(step, decode(x).numpy(), decode(mean).numpy())
        for step, (x, mean) in enumerate(chain(run, count, gibbs_steps, **settings), 1)
        if step in wanted
    ]


def heated(model: Machine | DBN, temperature: float) -> Machine | DBN:
    """Return a model whose chains run at a temperature; of a network it is that of the top RBM."""
    if temperature == 1:
        return model
    if isinstance(model, DBN):
        return DBN(*model.arrows(), top=cast(RBM, at_temperature(model.top, temperature)))
    return at_temperature(model, temperature)


def known_labels(run: "Run", label: int | str) -> list[int]:
    """Return the class numbers of a label or of ``"all"``."""
    known, names = run.model.labels, run.encoder.label_names
    if not known:
        raise InputError(f"{run.name} was trained without labels: train it with --labels, or leave --label out")
    if label == "all":
        return list(range(known))
    if str(label) not in names:
        raise InputError(f"the label {label} was given where {listed(names)}, or all, was expected")
    return [names.index(str(label))]


def weights(run: "Run", count: int = 100, layer: int = 1, *, out: str | Path | None = None) -> np.ndarray:
    """Return what the ``count`` largest units of a hidden layer look for, (count, columns), and draw it to ``out``.

    Upper layers are projected to the visible row by the product of the weights below them.
    """
    seen = run.model.receptive_fields()
    if not 1 <= layer <= len(seen):
        raise InputError(f"--layer {layer} was given where 1 to {len(seen)} was expected: {run.name} has no other")
    weight = seen[layer - 1].detach()[: run.encoder.width].T
    rows: np.ndarray = weight[weight.norm(dim=1).argsort(descending=True, stable=True)[:count]].numpy()
    if out is not None:
        plots.save_picture(out, plots.signed_grid(rows, picture_shape(run, rows)))
    return rows


def picture_shape(run: "Run", rows: np.ndarray) -> tuple[int, ...]:
    """Return the shape in which weights are drawn: that of a row, or (columns, states)."""
    shape = run.encoder.shape
    return shape if int(np.prod(shape)) == rows.shape[1] else (run.encoder.columns, run.encoder.number)


def draw(run: "Run", rows: np.ndarray, columns: int | None = None) -> plots.Picture:
    """Return rows in the scale of the data as one picture of tiles."""
    return plots.grid(run.encoder.picture(rows), run.encoder.shape, columns=columns)


def write(run: "Run", out: Path, kept: list[Frame], columns: int | None = None) -> None:
    """Write frames: .png the last means, .gif all of them, .npy, .csv or .json the last states."""
    kind = check_ending(out, ENDINGS)
    if kind == ".gif":
        plots.save_gif(out, [draw(run, frame.means, columns) for frame in kept])
    elif kind == ".png":
        plots.save_picture(out, draw(run, kept[-1].means, columns))
    else:
        storage.write_where_asked(out, table_bytes(kind, run.encoder.columns_of(kept[-1].states)))
