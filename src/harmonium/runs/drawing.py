"""New rows and pictures out of a run."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .. import storage
from ..errors import InputError
from ..machines import RBM, Bipartite
from .directory import Run
from .judgement import Watch, passing


@dataclass(frozen=True)
class Moment:
    """Chains after so many sweeps: their states, and the means that the last states were drawn from."""

    sweep: int
    states: np.ndarray
    means: np.ndarray


@torch.no_grad()
def draw(
    home: Run, count: int, sweeps: int, *, frames: int = 60, seed: int | None = None, watch: Watch = passing
) -> list[Moment]:
    """Return about ``frames`` moments, evenly spaced in the logarithm of the sweeps, of chains from random states.

    Rows are in the scale of the data, (count, columns).
    """
    machine, coder = home.machine(), home.coder
    g = torch.Generator().manual_seed(home.config.seed if seed is None else seed)
    x = machine.fields_sample(count, generator=g)
    kept = {0, *(int(n) for n in np.unique(np.geomspace(1, sweeps, frames).round()))}
    moments = []
    for sweep in watch(range(sweeps + 1), "sampling"):
        if sweep:
            field = machine.down(machine.odd.sample(machine.up(x), generator=g))
            x = machine.even.sample(field, generator=g)
        else:
            field = machine.even.rest(count)
        if sweep in kept:
            means = coder.decode(machine.even.mean(field)).numpy()
            moments.append(Moment(sweep, coder.decode(x).numpy(), means))
    return moments


def shape(home: Run) -> tuple[int, ...]:
    """Return the shape of one row's picture."""
    return home.dataset("valid").shape


def fields(home: Run, count: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return the weights of the ``count`` largest hidden units, (count, columns), and the shape to draw them in."""
    machine = home.machine()
    if not isinstance(machine, RBM):
        raise InputError(f"{home.path} holds a {type(machine).__name__} where an RBM was expected")
    weight = machine.weight.detach().T
    rows = weight[weight.norm(dim=1).argsort(descending=True, stable=True)[:count]].numpy()
    drawn = shape(home)
    return rows, drawn if int(np.prod(drawn)) == rows.shape[1] else (rows.shape[1],)


def hidden_activity(machine: Bipartite, v: torch.Tensor) -> np.ndarray:
    """Return the mean activity of each hidden unit over rows ``v``."""
    from ..evaluation import usage

    return usage(machine, v).numpy()


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
