"""The door of every machine: what comes in as a state or a row is made a tensor, or told in one line."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
STATES = ("free_energy", "gibbs", "gibbs_steps", "gibbs_with_means", "reconstruct", "forward")
ROWS = ("infer", "hidden_means", "mean_field", "elbo", "encode", "recognize")
READ = ("forward", "reconstruct", "hidden_means", "encode")
"""Methods that look at every value; the others, which training and annealing call at every step, at shape and type."""


def guard(kind: type[T]) -> type[T]:
    """Let the methods of a class of models take arrays and lists too, and refuse what is no state of theirs."""
    for name in (*STATES, *ROWS):
        method = kind.__dict__.get(name)
        if method is not None and not getattr(method, "__isabstractmethod__", False):
            setattr(kind, name, _guarded(method, name in STATES, name in READ))
    return kind


def _guarded(method: Callable[..., Any], whole: bool, read: bool) -> Callable[..., Any]:
    @wraps(method)
    def at_the_door(self: Any, x: Any, *args: Any, **settings: Any) -> Any:
        if read or not _fits(self, x, whole):
            x = self.as_states(x) if whole else self.as_rows(x, means=True)
        return method(self, x, *args, **settings)

    return at_the_door


def _fits(model: Any, x: Any, whole: bool) -> bool:
    """Say whether ``x`` has the type and the width of states, or of rows, of a model; its values are not looked at."""
    if not isinstance(x, Tensor) or not x.ndim:
        return False
    width = model.width if whole else model.visible.width
    same = x.dtype == next(model.parameters()).dtype or torch.is_autocast_enabled(x.device.type)
    return same and x.shape[-1] in {width, width - model.labels}
