"""Functions that hold to rounding over their whole range."""

import importlib
import math
from functools import lru_cache
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
FAST = (torch.float32, torch.bfloat16)
LARGE = 2**14  # entries that kernels which round otherwise are called for; a run that is cut goes on as it would have


def upcast(x: Tensor) -> Tensor:
    """Return ``x`` in float32, or in float64 if it is already."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def dot(x: Tensor, weights: Tensor) -> Tensor:
    """Return Σ x·weights over the last axis, in full precision whatever that of products is."""
    if weights.ndim > 1:
        return (x * weights).sum(-1)
    with torch.autocast(x.device.type, enabled=False):
        return x @ weights


def column_sums(x: Tensor) -> Tensor:
    """Return the sums over rows in float64, (rows, columns) → (columns,), without a copy of all rows in that type."""
    total = torch.zeros(x.shape[1:], dtype=torch.float64, device=x.device)  # small kept tensors split the heap
    for part in x.split(512):
        total += part.sum(0, dtype=torch.float64)
    return total


def softplus(x: Tensor) -> Tensor:
    """Return log(1 + eˣ), correct to rounding in float64 too (torch switches to x at 20, losing 2e-9)."""
    return F.softplus(x, threshold=40)


def softplus_sum(field: Tensor, bias: Tensor) -> Tensor:
    """Return the sums of softplus(field + bias) over the last axis."""
    found = None if torch.is_grad_enabled() else _kernels(field, bias)
    return softplus(field + bias).sum(-1) if found is None else found.softplus_sum(field, bias)


def logistic(field: Tensor, bias: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return σ(field + bias) times a weight a row, the sums of that over rows, and Σ weight·softplus(field + bias).

    No gradient follows.  The first has the type of the field, to be a factor of a product.
    """
    found = _kernels(field, bias)
    if found is not None:
        return found.logistic(field, bias, weights)
    logits = field + bias
    mean = torch.sigmoid(logits).mul_(weights[:, None])
    return mean.to(field.dtype), mean.sum(0), dot(weights, softplus(logits).sum(-1))


def _kernels(field: Tensor, bias: Tensor) -> ModuleType | None:
    plain = field.dtype in FAST and bias.dtype == torch.float32 and field.ndim == 2 and bias.ndim == 1
    return entrywise(field) if plain and field.numel() >= LARGE else None


def entrywise(x: Tensor) -> ModuleType | None:
    """Return the passes over all entries of a table where ``x`` lies: `kernels`, or `card`, or nothing.

    The latter needs triton, which comes with torch where that is built for graphics cards.
    """
    return _module("card") if x.is_cuda else compiled(x)


def compiled(x: Tensor, name: str = "kernels") -> ModuleType | None:
    """Return the compiled kernels for a tensor such as ``x``, or nothing: off the processor, or without numba."""
    return _module(name) if x.device.type == "cpu" else None


@lru_cache
def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(f"..{name}", __name__)
    except ImportError:  # numba is missing, or triton
        return None


def log_two_cosh(x: Tensor) -> Tensor:
    """Return log(eˣ + e⁻ˣ) without overflow."""
    size = x.abs()
    return size + torch.log1p(torch.exp(-2 * size))


def normal_cdf(z: Tensor) -> Tensor:
    """Return Φ(z) by erfc; ``torch.special.ndtr`` is 0 below z ≈ −9."""
    return 0.5 * torch.erfc(-z / math.sqrt(2))


def log_between(low: Tensor, high: Tensor) -> Tensor:
    """Return log(Φ(high) − Φ(low)), worked in float64 in the tail where both lie."""
    low, high, _ = lower_tail(low.double(), high.double())
    top = torch.special.log_ndtr(high)
    return top + torch.log1p(-torch.exp(torch.special.log_ndtr(low) - top))


def mean_between(low: Tensor, high: Tensor) -> Tensor:
    """Return the mean of a unit Gaussian cut to [low, high], in float64; 0 where it has no width."""
    low, high = low.double(), high.double()
    mass = log_between(low, high) + HALF_LOG_2PI
    return (torch.exp(-0.5 * low**2 - mass) - torch.exp(-0.5 * high**2 - mass)).nan_to_num(0.0)


def lower_tail(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return an interval of a unit Gaussian, mirrored where it lies above the mean, and +1 or, where it was, −1."""
    above = low > 0
    return torch.where(above, -high, low), torch.where(above, -low, high), torch.where(above, -1.0, 1.0)


def log_half_line(z: Tensor) -> Tensor:
    """Return log ∫₀^∞ exp(zt − t²/2) dt, the log-mass of a unit Gaussian's positive half under a field ``z``."""
    scaled = torch.special.erfcx(-z.clamp_max(0) / math.sqrt(2))  # exp(z²/2) · 2Φ(z), safe where z < 0
    right = torch.special.log_ndtr(z.clamp_min(0)) + 0.5 * z.clamp_min(0) ** 2
    return torch.where(z < 0, torch.log(scaled / 2), right) + HALF_LOG_2PI


def inverse_mills(z: Tensor) -> Tensor:
    """Return φ(z)/Φ(z), the amount by which cutting at zero lifts the mean of a unit Gaussian centered at ``z``."""
    left = math.sqrt(2 / math.pi) / torch.special.erfcx(-z.clamp_max(0) / math.sqrt(2))
    density = torch.exp(-0.5 * z.clamp_min(0) ** 2 - HALF_LOG_2PI)
    return torch.where(z < 0, left, density / normal_cdf(z.clamp_min(0)))


def bennett(forward: Tensor, backward: Tensor) -> tuple[float, float]:
    """Return log Z_b − log Z_a, and its standard error, from the work of states of a and of b (Bennett, 1976).

    ``forward`` holds F_b − F_a at states of a, ``backward`` F_a − F_b at states of b, in float64.  The difference d
    makes the two sums of σ(∓(work ± d ± log(n_a/n_b))) equal, and is found by halving.  The error is that of
    independent states (Shirts & Chodera, 2008).
    """
    bias = math.log(len(forward) / len(backward))
    ends = torch.cat([-forward, backward])
    low, high = float(ends.min()) - 40, float(ends.max()) + 40
    for _ in range(60):
        d = (low + high) / 2
        more = torch.sigmoid(-(bias + forward + d)).sum() > torch.sigmoid(bias - backward + d).sum()
        low, high = (d, high) if bool(more) else (low, d)
    here, there = torch.sigmoid(-(bias + forward + d)), torch.sigmoid(bias - backward + d)
    spread = sum(float(f.var(correction=0) / f.mean() ** 2) / len(f) for f in (here, there))
    return d, math.sqrt(spread)
