"""Hidden or noisy rows of a run, restored and compared with the truth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..numerics import uniforms
from ..progress import Progress, silent
from ..sampling import flip_field, recover
from .directory import Run

HALVES = ("bottom", "top", "left", "right")


@dataclass(frozen=True)
class Recovery:
    """Rows before, as they were seen, and after, (rows, columns) in the scale of the data, and the figures."""

    truth: np.ndarray
    seen: np.ndarray
    recovered: np.ndarray
    shape: tuple[int, ...]
    figures: dict[str, Any]


def restore(
    home: Run,
    mask: str,
    count: int,
    *,
    chains: int = 16,
    gibbs_steps: int = 200,
    split: str = "test",
    seed: int | None = None,
    progress: Progress = silent,
) -> Recovery:
    """Hide or spoil ``count`` rows, restore them, and measure the mean squared error where they were touched.

    For a mask the baseline fills in the training means; for noise it is the rows as they were seen.
    """
    if split not in ("train", "valid", "test"):
        raise InputError(f"the split {split!r} was given where train, valid or test was expected")
    coder, dataset = home.coder, home.dataset(split).take(count)
    g = torch.Generator().manual_seed(home.config.seed if seed is None else seed)
    hidden = hidden_part(mask, dataset.shape, len(dataset), g)
    v = coder.rows(dataset, sharp=True, generator=g)
    harm = _flipped(home, mask, v, hidden) if mask.startswith("noise:") else _hidden(home, v, hidden, g)
    told = {"chains": chains, "gibbs_steps": gibbs_steps}
    after = coder.decode(
        recover(
            home.machine(),
            harm.rows,
            harm.clamped,
            harm.external_field,
            generator=g,
            progress=lambda steps: progress(steps, "recovering"),
            **told,
        )
    )
    truth = coder.decode(v)
    figures = {
        "rows": len(dataset),
        "mask": mask,
        "mean_squared_error": mean_squared(after, truth, harm.touched),
        "baseline_mean_squared_error": mean_squared(harm.guess, truth, harm.touched),
        "baseline": harm.baseline,
        "split": split,
        "binarize": "sample" if coder.blurred(dataset) else home.config.binarize,
        **told,
    }
    return Recovery(truth.numpy(), harm.seen.numpy(), after.numpy(), dataset.shape, figures)


class Corruption(NamedTuple):
    """What happened to rows: the rows and what `recover` may rely on, and in the scale of the data what is seen of them.

    ``touched`` says where the error is measured, ``guess`` what it must beat there.
    """

    rows: Tensor
    clamped: Tensor | None
    external_field: Tensor | None
    seen: Tensor
    touched: Tensor
    guess: Tensor
    baseline: str


def _hidden(home: Run, v: Tensor, hidden: Tensor, generator: torch.Generator) -> Corruption:
    coder = home.coder
    truth, wide = coder.decode(v), hidden.repeat_interleave(max(1, coder.n_states), -1)
    mean = coder.decode(coder.rows(home.dataset("train"), sharp=True, generator=generator)).mean(0)
    seen = torch.where(hidden, torch.full_like(truth, 0.5), truth)
    return Corruption(v, ~wide, None, seen, hidden, mean.expand_as(truth), "the training means")


def _flipped(home: Run, mask: str, v: Tensor, hidden: Tensor) -> Corruption:
    coder = home.coder
    if coder.visible not in ("bernoulli", "spin"):
        raise InputError(f"--mask {mask} flips bits, and {home.path} has {coder.visible} units: pass random:P")
    low = -1.0 if coder.visible == "spin" else 0.0
    rows = torch.where(hidden, 1 + low - v, v)
    seen, external_field = coder.decode(rows), flip_field(rows, number(mask), low)
    return Corruption(rows, None, external_field, seen, torch.ones_like(hidden), seen, "the noisy rows themselves")


def mean_squared(x: Tensor, truth: Tensor, where: Tensor) -> float:
    """Return the mean squared difference over the entries in ``where``."""
    return float((x - truth)[where].double().square().mean())


def hidden_part(mask: str, shape: tuple[int, ...], rows: int, generator: torch.Generator) -> Tensor:
    """Return what a mask hides, a boolean (rows, columns)."""
    width = int(np.prod(shape))
    if mask in HALVES:
        return half(mask, shape).reshape(-1).expand(rows, width)
    kind, _, rest = mask.partition(":")
    if kind in ("random", "noise") and rest:
        return uniforms((rows, width), generator=generator) < number(mask)
    part = from_file(mask)
    if part.size != width:
        raise InputError(f"the mask {mask} holds {part.size} values where a row has {width}: give one of shape {shape}")
    if not part.any():
        raise InputError(f"the mask {mask} hides nothing: non-zero values are hidden")
    return torch.from_numpy(part.reshape(-1)).expand(rows, width)


def half(mask: str, shape: tuple[int, ...]) -> Tensor:
    """Return one half of a picture as a mask."""
    if len(shape) != 2:
        raise InputError(f"--mask {mask} needs pictures and the rows have {shape[0]} columns: pass random:0.5")
    hidden = torch.zeros(shape, dtype=torch.bool)
    height, width = shape
    part = {
        "bottom": (slice(height // 2, None), slice(None)),
        "top": (slice(None, height // 2), slice(None)),
        "left": (slice(None), slice(None, width // 2)),
        "right": (slice(None), slice(width // 2, None)),
    }[mask]
    hidden[part] = True
    return hidden


def number(mask: str) -> float:
    """Return the probability P of ``random:P`` or ``noise:P``."""
    kind, _, text = mask.partition(":")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    top = 0.5 if kind == "noise" else 1.0
    if not 0 < value < top:
        raise InputError(f"--mask {mask} was given where {kind}:P with P between 0 and {top:g} was expected")
    return value


def from_file(mask: str) -> np.ndarray:
    """Return a mask from a .npy or picture file."""
    path = Path(mask)
    if not path.is_file():
        raise InputError(
            f"the mask {mask!r} is neither a file nor one of {', '.join(HALVES)}, random:P, noise:P: give one of these"
        )
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False) != 0
        from PIL import Image

        with Image.open(path) as picture:
            return np.asarray(picture.convert("L")) > 127
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"the mask {mask} cannot be read ({error}): give a .npy or picture file") from None
