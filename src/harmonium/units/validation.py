"""Validation of rows as they come in: what is no row of these units is told in one line."""

from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from .base import Units


def check_rows(units: Units, v: Any, what: str, *, whole: bool) -> Tensor:
    """Return the rows ``v``, (rows, width), as they are; unless ``whole``, the columns of a label may be missing.

    Raises `InputError` for what is no dense tensor of the units' type and device with finite rows of their width, or
    holds values that they do not take.
    """
    if not isinstance(v, Tensor):
        given = f"a {type(v).__name__}"
        raise InputError(f"{what} is {given} where a tensor was expected: pass torch.as_tensor(…, dtype=torch.float32)")
    own, parts = units.bias, units.components()
    if v.layout != torch.strided or v.device != own.device:
        given = f"{v.layout} on {v.device}".removeprefix("torch.")
        raise InputError(f"{what} is {given} where dense on {own.device} was expected: call .to_dense() or .to()")
    if v.dtype != own.dtype:
        raise InputError(f"{what} is {v.dtype} where the model is {own.dtype}: pass {what}.to({own.dtype})")
    if v.ndim < 2 or not v.numel() or v.shape[-1] not in {units.width, units.width - (0 if whole else units.labels)}:
        shape = tuple(v.shape)
        raise InputError(f"{what} has shape {shape} where (rows, {units.width}) was expected: flatten each row")
    if not bool(v.isfinite().all()):
        holes = (~v.isfinite()).nonzero()
        where = ", ".join(str(int(i)) for i in holes[0])
        raise InputError(f"{what} holds {len(holes)} NaN or infinite values, the first at [{where}]: fill them in")
    there = parts if v.shape[-1] == units.width else parts[:-1]
    for part, piece in zip(there, v.split([part.width for part in there], -1), strict=True):
        if not part.in_support(piece):
            given, kind = f"values from {float(piece.min()):g} to {float(piece.max()):g}", type(part).__name__
            raise InputError(f"{what} holds {given} where {kind} units take {part.support}: recode it, or the units")
    return v
