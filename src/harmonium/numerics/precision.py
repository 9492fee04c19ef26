"""How products of matrices are computed: their precision and their threads, by rule and not by the clock."""

import os
from contextlib import AbstractContextManager

import torch
from torch import Tensor

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
WEIGHTS = 100_000  # weights from which their products take longer than all else
LARGE = 2**23  # multiply-adds in a batch's product from which bfloat16 pays for the rounding of its factors
HEAVY = 2**25  # multiply-adds in a batch's product from which threads gain more than they wait for each other
THREADS = 4
NARROW = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")  # have no bfloat16


def products(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which products of matrices round their factors to ``precision``, and their sums once.

    Parameters, energies and draws stay float32; states of 0 and 1 lose nothing.  What is sampled is the machine of the
    rounded weights, whose fields are rounded to the same type: to one part in 256 for bfloat16.
    """
    rounded = PRECISIONS[precision] != torch.float32
    # The cache of casts is left off: filled without gradients, it would hide the weights from the gradient.
    return torch.autocast(device.type, PRECISIONS[precision], enabled=rounded, cache_enabled=False)


def autocast_like(x: Tensor) -> Tensor:
    """Return states of several products as products round them here; not weights, whose gradient it would lose."""
    kind = x.device.type
    rounds = x.dtype == torch.float32 and torch.is_autocast_enabled(kind)
    return x.to(torch.get_autocast_dtype(kind)) if rounds else x


def default_precision(rows: int, width: int, hidden: int, device: torch.device) -> str:
    """Return the precision for (rows, width) times (width, hidden): bfloat16 for large ones where the device has it."""
    large = width * hidden >= WEIGHTS and rows * width * hidden >= LARGE
    return "bfloat16" if large and has_bfloat16(device) else "float32"


def has_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 by instructions of its own that nothing forbids."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    allowed = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or ""
    if device.type != "cpu" or allowed.upper() in NARROW:
        return False
    return any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile"))


def default_threads(rows: int, width: int, hidden: int) -> int:
    """Return the number of threads for (rows, width) times (width, hidden): one, or `THREADS` for heavy products.

    It looks at sizes alone: the same bytes come out whatever cores there are, and whatever else they do.
    """
    return THREADS if rows * width * hidden >= HEAVY else 1
