"""Which parts of rows are hidden on purpose: halves of pictures, at random, or what a file shows."""

from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from .. import numerics
from ..errors import InputError

HALVES = ("bottom", "top", "left", "right")


def hidden_part(mask: str, shape: tuple[int, ...], rows: int, generator: Generator | None) -> Tensor:
    """Return what a mask hides, a boolean (rows, columns)."""
    width = int(np.prod(shape))
    if mask in HALVES:
        return half(mask, shape).reshape(-1).expand(rows, width)
    kind, _, rest = mask.partition(":")
    if kind in ("random", "noise") and rest:
        return numerics.uniform(torch.empty(rows, width), generator=generator) < number(mask)
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
