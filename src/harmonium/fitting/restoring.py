"""Rows with holes filled in; and rows hidden or spoiled on purpose, restored and compared with the truth."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from .. import data, plots, sampling
from ..arguments import brief
from ..encoding import Encoder, TableEncoder, encoding, parse
from ..errors import InputError
from ..numerics import stream
from ..progress import Progress, silent
from . import scoring
from .imputing import imputed
from .masks import hidden_part, number

if TYPE_CHECKING:
    from .run import Run


@dataclass(frozen=True)
class Recovery:
    """Rows before, as they were seen, and after, (rows, columns) in the scale of the data, and the figures.

    What was hidden is ``seen`` half-way between the lowest and the highest value in pictures, else as NaN.
    """

    truth: np.ndarray
    seen: np.ndarray
    recovered: np.ndarray
    figures: dict[str, Any]
    run: "Run"

    def __str__(self) -> str:
        """Return what was found as one plain sentence."""
        told = self.figures
        of = f"{told['rows']} rows of {told['split']}, mask {told['mask']}"
        if "accuracy" in told:
            right = f"{told['accuracy']:.1%} of the hidden states found"
            return f"{right}, where {told['baseline']} give {told['baseline_accuracy']:.1%}; {of}"
        error, baseline = told["mean_squared_error"], told["baseline_mean_squared_error"]
        unit = ", in squared deviations of each column," if "columns" in told else ""
        part = f"{error / baseline:.3f} of" if baseline else "beside"
        beside = f"{part} the baseline's {baseline:.4f} ({told['baseline']})"
        return f"mean squared error on what was hidden{unit} {error:.4f}, {beside}; {of}"

    def save(self, out: str | Path) -> Path:
        """Write a picture of the rows: the truth, what was seen, what was recovered; a chart of rows of no picture."""
        encoder = self.run.encoder
        groups = [("truth", self.truth), ("seen", self.seen), ("recovered", self.recovered)]
        if len(encoder.shape) == 2:
            drawn = [(name, np.clip(encoder.picture(rows), 0, 1)) for name, rows in groups]
            return plots.save_picture(out, plots.strips(drawn, encoder.shape))
        scaled = is_table(encoder)
        middle, spread = (encoder.mean.numpy(), encoder.deviation.numpy()) if scaled else (0.0, 1.0)
        shown = [(name, (rows / encoder.unit - middle) / spread) for name, rows in groups]
        unit, signed = "deviations from the mean" if scaled else "value", bool(min(rows.min() for _, rows in shown) < 0)
        look: dict[str, Any] = {"xlabel": "column", "ylabel": "row", "unit": unit, "columns": encoder.names}
        return plots.save_picture(out, plots.matrices(shown, **look, signed=signed))


def is_table(encoder: Encoder) -> bool:
    """Say whether rows are columns each of a unit of its own."""
    return len(encoder.shape) == 1 and encoding(encoder.visible).scaled


def with_holes(run: "Run", rows: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, (rows, columns), whose missing values are NaN, and their ids: a path, an array or a frame.

    Columns of a file with names are put in the order of the training rows.
    """
    if isinstance(run.encoder, TableEncoder):
        dataset = run.encoder.read(rows)
        return dataset.rows, scoring.ids_of(dataset)
    if isinstance(rows, str) or hasattr(rows, "__fspath__"):
        table = data.open_rows(rows, like=run.encoder.form)
        array, ids = table.array, table.ids
        if run.encoder.names and table.names:
            absent = [name for name in run.encoder.names if name not in table.names]
            if absent:
                raise InputError(f"{rows} lacks the column {absent[0]!r}, which the model has: give all columns")
            array = array[:, [table.names.index(name) for name in run.encoder.names]]
    else:
        array, ids = rows.numpy(force=True) if hasattr(rows, "detach") else rows, None
    try:
        given = np.asarray(array)
        given = given.astype(np.float64, casting="same_kind" if given.dtype.kind == "c" else "unsafe")
    except (TypeError, ValueError):
        raise InputError(f"the rows are {brief(array)} where numbers were expected: NaN where one is missing") from None
    if given.ndim < 2:
        raise InputError(f"rows of shape {given.shape} were given where (rows, columns) was expected: pass x[None]")
    given = given.reshape(len(given), -1)
    return given, np.arange(1, len(given) + 1) if ids is None else ids


def impute(
    run: "Run",
    given: np.ndarray,
    *,
    chains: int = 16,
    gibbs_steps: int = 200,
    seed: int | None = None,
    progress: Progress = silent,
) -> np.ndarray:
    """Return the rows ``given``, (rows, columns), with NaN replaced by its posterior mean given the rest of the row."""
    holes, encoder, g = np.isnan(given), run.encoder, stream(run.seed if seed is None else seed)
    settings: dict[str, Any] = {"chains": chains, "gibbs_steps": gibbs_steps, "progress": progress}
    if isinstance(encoder, TableEncoder):
        return imputed(run, given, draws=0, seed=seed, **settings).filled
    plain = np.where(holes, np.nanmin(given) if not holes.all() else 0.0, given)
    dataset = encoder.read(plain)
    v = encoder.rows(dataset, sharp=True, generator=g)
    known = encoder.spread(torch.from_numpy(~holes))
    found = encoder.decode(sampling.impute(run.model, v, known, generator=g, **settings)).numpy()
    return np.where(holes, found * max(dataset.levels, 1) / encoder.unit, given)


def recover(
    run: "Run",
    rows: Any = None,
    mask: str = "bottom",
    count: int = 32,
    *,
    chains: int = 16,
    gibbs_steps: int = 200,
    split: str = "test",
    seed: int | None = None,
    progress: Progress = silent,
) -> Recovery:
    """Hide or spoil ``count`` rows, restore them, and measure how far from the truth they come where they were touched.

    Pictures, bits and spins are judged by the mean squared error; tables by that in squared deviations of each column,
    and by the root mean square error of each of the ``columns`` in its own unit; states by the ``accuracy``.

    Gray levels count from 0 to 1 in it.  ``mask`` is bottom, top, left, right, random:P, noise:P (bits flipped with
    probability P) or a .npy or picture file whose non-zero values are hidden.  For a mask the baseline fills in the
    training means; for noise it is the rows as they were seen.
    """
    encoder, dataset = run.encoder, run.rows(rows, split).take(count)
    if isinstance(encoder, TableEncoder):
        raise InputError(f"{run.name} is of a table, of which no part can be hidden as of a picture: use impute")
    g = stream(run.seed if seed is None else seed)
    hidden = hidden_part(mask, encoder.shape, len(dataset), g)
    v = encoder.rows(dataset, sharp=True, generator=g)
    settings: dict[str, Any] = {"chains": chains, "gibbs_steps": gibbs_steps}
    done = _flipped(run, mask, v, hidden) if mask.startswith("noise:") else _hidden(run, v, hidden)
    after = encoder.decode(done.restore(progress=progress, generator=g, **settings))
    truth = encoder.decode(v)
    figures = {
        "rows": len(dataset),
        "mask": mask,
        **errors(encoder, after, truth, done),
        "baseline": done.baseline,
        "split": split if rows is None else str(dataset.name),
        "binarize": encoder.bits(dataset),
        **settings,
    }
    return Recovery(truth.numpy(), done.seen.numpy(), after.numpy(), figures, run)


class Corruption(NamedTuple):
    """What was done to rows: what takes it back, and in the scale of the data what is seen of them.

    ``touched`` says where the error is measured, ``guess`` what it must beat there.
    """

    restore: Any
    seen: Tensor
    touched: Tensor
    guess: Tensor
    baseline: str


def _hidden(run: "Run", v: Tensor, hidden: Tensor) -> Corruption:
    encoder = run.encoder
    truth, known = encoder.decode(v), encoder.spread(~hidden)
    units = run.baseline
    mean = encoder.decode(units.mean(units.zero_field(1)).float())
    picture, states = len(encoder.shape) == 2, parse(encoder.visible)[0] == "potts"
    blank = torch.full_like(truth, 0.5 * float(truth.min() + truth.max()) if picture else math.nan)
    words = "the most frequent states" if states else "the training means"

    def restore(**settings: Any) -> Tensor:
        return sampling.impute(run.model, v, known, **settings)

    return Corruption(restore, torch.where(hidden, blank, truth), hidden, mean.expand_as(truth), words)


def _flipped(run: "Run", mask: str, v: Tensor, hidden: Tensor) -> Corruption:
    encoder = run.encoder
    if encoder.visible not in ("bernoulli", "spin"):
        raise InputError(f"--mask {mask} flips bits, and {run.name} has {encoder.visible} units: pass random:P")
    low = -1.0 if encoder.visible == "spin" else 0.0
    rows = torch.where(hidden, 1 + low - v, v)

    def restore(**settings: Any) -> Tensor:
        return sampling.denoise(run.model, rows, number(mask), low, **settings)

    seen = encoder.decode(rows)
    return Corruption(restore, seen, torch.ones_like(hidden), seen, "the noisy rows themselves")


def errors(encoder: Encoder, after: Tensor, truth: Tensor, done: Corruption) -> dict[str, Any]:
    """Return how far restored rows, and the baseline's, are from the truth, by the kind of the rows."""
    both, where = {"": after, "baseline_": done.guess}, done.touched
    if parse(encoder.visible)[0] == "potts":
        return {f"{of}accuracy": float((x == truth)[where].double().mean()) for of, x in both.items()}
    scale = encoder.unit * (encoder.deviation if is_table(encoder) else torch.ones(()))
    found = {f"{of}mean_squared_error": mean_squared(x / scale, truth / scale, where) for of, x in both.items()}
    if not is_table(encoder):
        return found
    names = encoder.names or [str(k + 1) for k in range(encoder.columns)]
    return found | {
        "columns": {
            name: {
                f"{of}error": mean_squared(x[:, k], truth[:, k], where[:, k]) ** 0.5 if where[:, k].any() else None
                for of, x in both.items()
            }
            for k, name in enumerate(names)
        }
    }


def mean_squared(x: Tensor, truth: Tensor, where: Tensor) -> float:
    """Return the mean squared difference over the entries in ``where``."""
    return float((x - truth)[where].double().square().mean())
