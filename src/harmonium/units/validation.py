"""Rows as they come in: made a tensor of the units' own, or told in one line why they cannot be."""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .base import Units


@runtime_checkable
class SupportsArray(Protocol):
    """An array or a frame: what numpy makes an array of."""

    def __array__(self) -> Any:
        """Return the array."""


Rows = Annotated[Tensor | SupportsArray | Sequence[Any], "rows of numbers, a tensor or an array,"]
"""Rows as they are taken: a tensor, an array, a frame or a list of rows, (rows, width)."""


def as_rows(units: Units, v: Any, what: str, *, whole: bool, means: bool = False) -> Tensor:
    """Return the rows ``v``, (rows, width), as a tensor; unless ``whole``, the columns of a label may be missing.

    Arrays, frames, lists, whole numbers and truth values become the units' type; a tensor of floats is taken as it is.
    Raises `InputError` for what is no dense table of finite numbers of the units' width, type and device, or holds
    values that they do not take; with ``means``, values that their means do not take.
    """
    own, parts = units.bias, units.components()
    v = v if isinstance(v, Tensor) else as_tensor(v, what, own)
    if v.layout != torch.strided or v.device != own.device:
        given = f"{v.layout} on {v.device}".removeprefix("torch.")
        raise InputError(f"{what} is {given} where dense on {own.device} was expected: call .to_dense() or .to()")
    v = v if v.is_floating_point() or v.is_complex() else v.to(own.dtype)
    if v.dtype != own.dtype:
        raise InputError(f"{what} is {v.dtype} where the model is {own.dtype}: pass {what}.to({own.dtype})")
    if (
        (v.ndim < 2 if means else v.ndim != 2)
        or not v.numel()
        or v.shape[-1] not in {units.width, units.width - (0 if whole else units.labels)}
    ):
        shape = tuple(v.shape)
        raise InputError(f"{what} has shape {shape} where (rows, {units.width}) was expected: flatten each row")
    if not bool(v.isfinite().all()):
        holes = (~v.isfinite()).nonzero()
        where = ", ".join(str(int(i)) for i in holes[0])
        raise InputError(f"{what} holds {len(holes)} NaN or infinite values, the first at [{where}]: fill them in")
    there = parts if v.shape[-1] == units.width else parts[:-1]
    for part, piece in zip(there, v.split([part.width for part in there], -1), strict=True):
        if not (part.in_range(piece) if means else part.in_support(piece)):
            given, kind = f"values from {float(piece.min()):g} to {float(piece.max()):g}", type(part).__name__
            raise InputError(f"{what} holds {given} where {kind} units take {part.support}: recode it, or the units")
    return v


def as_tensor(v: Any, what: str, like: Tensor) -> Tensor:
    """Return an array, a frame or a list of rows as a tensor of the type and on the device of another."""
    refused = f"{what} is a {type(v).__name__} where rows of numbers were expected: pass a tensor or an array"
    if isinstance(v, np.ma.MaskedArray) or not (isinstance(v, list | tuple) or hasattr(v, "__array__")):
        raise InputError(refused)
    try:
        rows = np.asarray(v)
        if rows.dtype.kind not in "buif":
            raise InputError(refused)
        return torch.from_numpy(rows.astype(np.float64)).to(like)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{refused} ({' '.join(str(error).split())})") from error
