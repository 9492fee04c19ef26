"""What a batch may be: a tensor of rows, or what a `DataLoader` gives."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ..errors import InputError
from ..machines import DBN, Machine

Batch = Tensor | Sequence[Tensor]


def rows(batch: Batch, model: Machine | DBN) -> Tensor:
    """Return the rows of a batch: the tensor itself, or the first of a tuple or list.

    Where the model has labels and the rows lack their columns, a second tensor of class numbers, (rows,), whole numbers
    from 0, is put behind them one-hot.  Whatever else the batch holds is left alone.

    Raises `InputError` for a class number that the model does not know.
    """
    if not isinstance(batch, tuple | list) or not batch or not isinstance(batch[0], Tensor):
        return batch  # type: ignore[return-value]  # what is no tensor is made one, or refused, by `Machine.as_rows`
    v, label = batch[0], batch[1] if len(batch) > 1 else None
    if not isinstance(v, Tensor) or not isinstance(label, Tensor) or label.dtype != torch.int64 or label.ndim != 1:
        return v
    width = model.width if isinstance(model, DBN) else model.visible.width
    if not model.labels or v.shape[-1] != width - model.labels:
        return v
    try:
        return torch.cat([v, one_hot(label, model.labels).to(v)], -1)
    except RuntimeError as error:
        low, high = int(label.min()), int(label.max())
        told = f"the batch has labels {low} to {high} where 0 to {model.labels - 1} was expected: number the classes"
        raise InputError(told) from error
