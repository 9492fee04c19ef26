"""New rows and pictures out of a run."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .. import plots, storage
from ..errors import InputError
from ..machines import DBN, BoltzmannMachine, Machine
from ..progress import Progress, silent
from ..sampling import sample_chain, sample_label
from .directory import Run


@dataclass(frozen=True)
class Moment:
    """Chains after so many Gibbs steps: their states, and the means that the last states were drawn from."""

    step: int
    states: np.ndarray
    means: np.ndarray


@torch.no_grad()
def draw(
    home: Run, count: int, gibbs_steps: int, *, frames: int = 60, seed: int | None = None, progress: Progress = silent
) -> list[Moment]:
    """Return about ``frames`` moments, evenly spaced in the logarithm of the Gibbs steps, of chains from random states.

    Rows are in the scale of the data, (count, columns).
    """
    model, g = home.machine(), torch.Generator().manual_seed(home.config.seed if seed is None else seed)
    chain = sample_chain(model, count, gibbs_steps, progress=lambda steps: progress(steps, "sampling"), generator=g)
    return moments(home, chain, gibbs_steps, frames)


@torch.no_grad()
def sample_labels(
    home: Run,
    labels: list[int],
    gibbs_steps: int,
    *,
    frames: int = 60,
    seed: int | None = None,
    progress: Progress = silent,
) -> list[Moment]:
    """Return moments of chains whose labels are clamped, one chain for each of ``labels``.

    Raises `InputError` where the run has no labels, or one is out of range.
    """
    model = home.machine()
    known = model.labels
    if not known:
        raise InputError(f"{home.path} was trained without labels: train it with --labels, or use `harmonium sample`")
    wrong = [label for label in labels if not 0 <= label < known]
    if wrong:
        raise InputError(f"the label {wrong[0]} was given where 0 to {known - 1} or all was expected")
    g = torch.Generator().manual_seed(home.config.seed if seed is None else seed)
    clamped = torch.tensor(labels)
    chain = sample_label(model, clamped, gibbs_steps, progress=lambda steps: progress(steps, "dreaming"), generator=g)
    return moments(home, chain, gibbs_steps, frames)


def moments(
    home: Run, chain: Iterator[tuple[torch.Tensor, torch.Tensor]], gibbs_steps: int, frames: int
) -> list[Moment]:
    """Return the moments of a chain that are worth keeping."""
    kept = {int(n) for n in np.unique(np.geomspace(1, gibbs_steps, frames).round())}
    decode = home.coder.decode
    return [
        Moment(step, decode(x).numpy(), decode(mean).numpy()) for step, (x, mean) in enumerate(chain, 1) if step in kept
    ]


def shape(home: Run) -> tuple[int, ...]:
    """Return the shape of one row's picture."""
    return home.dataset("valid").shape


def fields(home: Run, count: int, layer: int = 1) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return what the ``count`` largest units of a hidden layer look for, (count, columns), and the shape of a row.

    Upper layers are projected to the visible row by the product of the weights below them.
    """
    seen = projections(home.machine())
    if not 1 <= layer <= len(seen):
        raise InputError(f"--layer {layer} was given where 1 to {len(seen)} was expected: {home.path} has no other")
    weight = seen[layer - 1].detach()[: home.coder.width].T
    rows = weight[weight.norm(dim=1).argsort(descending=True, stable=True)[:count]].numpy()
    drawn = shape(home)
    return rows, drawn if int(np.prod(drawn)) == rows.shape[1] else (rows.shape[1],)


def projections(model: Machine | DBN) -> list[torch.Tensor]:
    """Return, for every hidden layer, the weights from the visible row to it, through the layers between.

    A general machine without hidden units gives the couplings among its visible ones.
    """
    if isinstance(model, BoltzmannMachine):
        first = model.visible.width
        return [model.matrix[:first, first:] if model.latent else model.matrix]
    if isinstance(model, DBN):
        weights = [layer.generation for layer in model.arrows()] + [model.top.weight[: model.code]]
    else:
        weights = model.weights
    found = [weights[0]]
    for weight in weights[1:]:
        found.append(found[-1] @ weight)
    return found


def hidden_activity(model: Machine | DBN, v: torch.Tensor) -> np.ndarray:
    """Return the mean activity of each hidden unit over rows ``v``, labels behind them where the model has labels."""
    from ..evaluation import mean_activation

    return mean_activation(model, v).numpy()


def write(home: Run, out: Path, kept: list[Moment], columns: int | None = None) -> None:
    """Write moments: .png the last means, .gif all of them, .npy the last states."""
    kind = out.suffix.lower()
    if kind == ".npy":
        save_array(out, kept[-1].states)
    elif kind == ".gif":
        plots.save_gif(out, [plots.grid(moment.means, shape(home), columns=columns) for moment in kept])
    else:
        plots.save_picture(out, plots.grid(kept[-1].means, shape(home), columns=columns))


def save_array(path: Path, rows: np.ndarray) -> None:
    """Write rows as .npy, whole numbers as uint8."""
    whole = bool((rows == rows.round()).all() and rows.min() >= 0 and rows.max() <= 255)
    file = io.BytesIO()
    np.save(file, rows.astype(np.uint8) if whole else rows, allow_pickle=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        storage.write_bytes(path, file.getvalue())
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): pass another --out") from None
