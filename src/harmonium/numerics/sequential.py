"""A Gibbs step of sites that are all coupled, one after the other, as compiled loops.

A site in one of its states names one row of the couplings: its share of another site's field is read and not
multiplied, so that a dense Potts machine of q states costs q times less than by products of matrices.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from . import distributed
from .precision import in_parts
from .random import key
from .stable import compiled


class Sites(NamedTuple):
    """Sites of a row of units, in the order in which they move: where each begins, and what it may be."""

    start: np.ndarray  # (sites,) its first column
    size: np.ndarray  # (sites,) its columns
    choices: np.ndarray  # (sites,) the values of its one column; 0 where it is one-hot
    values: np.ndarray  # (sites, most choices) these values


def sequential_step(
    x: Tensor,
    sites: Sites,
    couplings: Tensor,
    bias: Tensor,
    beta: Tensor | float,
    clamped: Tensor | None,
    *,
    generator: Generator | None,
) -> tuple[Tensor, Tensor]:
    """Return float32 states, (..., width), after every site has moved once, and the means that it was drawn from.

    The field on a site is its ``bias`` and ``beta`` times its ``couplings``, (width, width), to the others as they are
    by then; ``clamped`` columns stay.  A row draws the same in whatever batch it runs.
    """
    *batch, width = x.shape
    new = x.reshape(-1, width).contiguous().clone()
    mean, chosen = new.clone(), key(x.device, generator)
    scale = torch.as_tensor(beta, dtype=torch.float32)
    scale = scale.reshape(1) if scale.numel() == 1 else scale[..., 0].expand(batch).reshape(-1).contiguous()
    still = torch.zeros(1, 0, dtype=torch.bool) if clamped is None else _table(clamped, batch)
    from . import site_kernels

    given = (
        *(new.numpy(), mean.numpy(), *sites),
        *(couplings.detach().contiguous().numpy(), _table(bias.detach().float(), batch).numpy()),
        *(scale.numpy(), still.numpy(), chosen.numpy().view(np.uint64)[()], distributed.first_row(len(new))),
    )
    each = len(sites.start) * width  # a site reads one row of the couplings of each other
    in_parts(lambda first, last: site_kernels.step(*given, first, last), len(new), each)
    return new.view(x.shape), mean.view(x.shape)


def pair_sums(x: Tensor, upper: Tensor) -> Tensor | None:
    """Return Σ x·upper·x of pairs of units, (..., width) → (...), or nothing where states are not mostly 0."""
    from . import site_kernels

    rows, table = x.reshape(-1, x.shape[-1]).contiguous(), upper.detach().contiguous().numpy()
    out = torch.empty(len(rows))
    given = rows.numpy(), table, out.numpy()
    in_parts(lambda first, last: site_kernels.energies(*given, first, last), len(rows), x.shape[-1])
    return None if bool(out.isnan().any()) else out.view(x.shape[:-1])


def _table(x: Tensor, batch: list[int]) -> Tensor:
    """Return one row where all rows share it, else as many as the batch has."""
    shared = x.numel() == x.shape[-1]
    return x.reshape(1, -1).contiguous() if shared else x.expand(*batch, x.shape[-1]).flatten(0, -2).contiguous()


def in_loops(x: Tensor) -> bool:
    """Say whether states are such as the loops take: float32 on the processor, whose products nothing rounds."""
    rounded = torch.is_autocast_enabled(x.device.type) or torch.compiler.is_compiling()
    return x.dtype == torch.float32 and not rounded and compiled(x) is not None
