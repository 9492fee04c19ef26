"""New rows and pictures out of a run."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from .. import plots, storage
from ..data import check_ending, listed, table_bytes
from ..encoding import Given, conditions
from ..errors import InputError
from ..machines import DBN, RBM, Machine, at_temperature
from ..numerics import stream
from ..progress import Progress, silent
from ..sampling import condition, sample_chain, tempered_chain
from .likelihood import known_rows

if TYPE_CHECKING:
    from .run import Run

FRAMES = 60  # moments of chains that a film shows
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
    given: Given | None = None,
    kept: Collection[int] | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the visible states, and the means that they were drawn from, of chains from random states at every step.

    Where ``kept`` numbers steps, from 1, these alone are told.

    With a ``label`` the label is clamped; with ``"all"`` there are ``count`` chains for each.  Rows are ``given`` that
    conditions on columns hold, see `encoding.conditions`.  The ``sampler`` is
    gibbs, or pt: chains on a ladder of parallel tempering.  Raises `InputError` where the run has no labels, or one is
    out of range, or the ladder would have to climb with a label clamped.
    """
    settings: dict[str, Any] = {"progress": progress, "generator": stream(run.seed if seed is None else seed)}
    labels = None if label is None else torch.tensor(known_labels(run, label)).repeat_interleave(count)
    model = conditioned(run, heated(run.model, temperature), given)
    if sampler == "pt" and labels is None and given is None:
        found = tempered_chain(model, count, gibbs_steps, known_rows(run), **settings)
        return found if kept is None else (pair for step, pair in enumerate(found, 1) if step in kept)
    if sampler != "gibbs":
        beside = "" if labels is None and given is None else " beside a label or a condition"
        wanted = "gibbs, or pt without a label or a condition, was expected: leave --sampler out"
        raise InputError(f"the sampler {sampler!r} was given{beside} where {wanted}")
    rows = count if labels is None else len(labels)
    return sample_chain(model, rows, gibbs_steps, label=labels, kept=kept, **settings)


@torch.no_grad()
def frames(run: "Run", count: int = 64, gibbs_steps: int = 1000, *, kept: int = FRAMES, **settings: Any) -> list[Frame]:
    """Return about ``kept`` moments of `chain`, evenly spaced in the logarithm of the steps, as rows of the data."""
    wanted = sorted({gibbs_steps, *(int(n) for n in np.geomspace(1, gibbs_steps, kept).round())})
    drawn, decode = chain(run, count, gibbs_steps, kept=wanted, **settings), run.encoder.decode
    return [Frame(step, decode(x).numpy(), decode(mean).numpy()) for step, (x, mean) in zip(wanted, drawn, strict=True)]


def conditioned(run: "Run", model: Machine | DBN, given: Given | None) -> Machine | DBN:
    """Return the model on which conditions hold; a network draws its lowest row last, and cannot be held to any."""
    if given is None:
        return model
    if isinstance(model, DBN):
        raise InputError(f"{run.name} is a network, which draws columns from above alone: leave --given out")
    return condition(model, conditions(run.encoder, given))


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
