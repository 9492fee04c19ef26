"""How products of matrices are computed: their form, precision and threads, by rule and not by the clock."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import lru_cache
from itertools import pairwise
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor

from .stable import compiled, entrywise

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
WEIGHTS = 100_000  # weights from which their products take longer than all else
LARGE = 2**23  # multiply-adds in a batch's product from which bfloat16 pays for the rounding of its factors
HEAVY = 2**25  # multiply-adds in a batch's product from which threads gain more than they wait for each other
THREADS = 4
SHARED = 2**24  # multiply-adds of a compiled loop over rows from which threads share them
SEVERAL = 2**16  # multiply-adds in a product of bits from which sums of rows are taken
NARROW = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2", "AVX512_CORE", "AVX512_CORE_VNNI")  # have no bfloat16


_form: ContextVar[str] = ContextVar("form", default="auto")
_parts: ContextVar[int | None] = ContextVar("parts", default=None)


class Bits(NamedTuple):
    """A row of units of two values, ``low`` (0 or −1) and 1, with their biases, (units,)."""

    bias: Tensor
    low: float


@contextmanager
def products(precision: str, device: torch.device, form: str = "auto") -> Iterator[None]:
    """Within it, products of matrices round their factors to ``precision``, and their sums once.

    Parameters, energies and draws stay float32; states of 0 and 1 lose nothing.  What is sampled is the machine of the
    rounded weights, whose fields are rounded to the same type: to one part in 256 for bfloat16.  The ``form`` of
    products with states of bits, where they are not rounded, is that of `sparse_kernels`.
    """
    rounded = PRECISIONS[precision] != torch.float32
    before, threads = _form.set(form), torch.get_num_threads()
    alone = _parts.set(threads) if form == "sparse" and threads > 1 else None
    if alone:  # threads of torch wait busily for its next call, on the cores that sums of rows are shared among
        torch.set_num_threads(1)
    idle = not rounded and not torch.is_autocast_enabled(device.type)  # it would take its time to do nothing
    try:
        with nullcontext() if idle else _rounding(precision, device, rounded):
            yield
    finally:
        _form.reset(before)
        if alone:
            _parts.reset(alone)
            torch.set_num_threads(threads)


def _rounding(precision: str, device: torch.device, enabled: bool) -> AbstractContextManager[None]:
    # The cache of casts is left off: filled without gradients, it would hide the weights from the gradient.
    return torch.autocast(device.type, PRECISIONS[precision], enabled=enabled, cache_enabled=False)


def sparse_kernels(x: Tensor, weight: Tensor) -> ModuleType | None:
    """Return what multiplies states of bits, (..., units), by weights, (visible, hidden), as sums of rows, or nothing.

    Nothing where the form is ``dense``, or ``auto`` and the product has fewer than `SEVERAL` multiply-adds; nor off the
    processor, in other types than float32, or without numba.  The values of the states are not looked at.
    """
    form, plain = _form.get(), x.dtype == weight.dtype == torch.float32 and x.ndim > 1
    small = form == "dense" or (form == "auto" and x.shape[:-1].numel() * weight.numel() < SEVERAL)
    if small or not plain or not x.numel() or torch.is_autocast_enabled(x.device.type) or torch.compiler.is_compiling():
        return None
    return compiled(x, "bits")


def autocast_like(x: Tensor) -> Tensor:
    """Return states of several products as products round them here; not weights, whose gradient it would lose."""
    kind = x.device.type
    rounds = x.dtype == torch.float32 and torch.is_autocast_enabled(kind)
    return x.to(torch.get_autocast_dtype(kind)) if rounds else x


def stacked(*states: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return tables of states below each other, as products round them here, and the sums of the columns of each."""
    kind = autocast_like(states[0][:0]).dtype
    x = states[0].new_empty(sum(map(len, states)), states[0].shape[1], dtype=kind)
    parts = x.split([len(one) for one in states])
    return x, [_written(one, part) for one, part in zip(states, parts, strict=True)]


def _written(x: Tensor, into: Tensor) -> Tensor:
    card = entrywise(x) if x.is_cuda and x.dtype == torch.float32 and into.dtype != x.dtype else None
    if card:
        return card.written(x, into)  # type: ignore[no-any-return]
    into.copy_(x)
    return x.sum(0)


def product(a: Tensor, b: Tensor, kind: torch.dtype) -> Tensor:
    """Return the product of two matrices in a type; a card writes its float32 sums without rounding them between."""
    if a.is_cuda and a.dtype != kind:
        return torch.mm(a, b, out_dtype=kind)
    return (a @ b).to(kind)


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


def in_parts(work: Callable[[int, int], None], count: int, each: int) -> None:
    """Do the work of ``count`` rows, of so many multiply-adds each, in as many equal parts as torch has threads."""
    parts = (_parts.get() or torch.get_num_threads()) if count * each >= SHARED else 1
    if parts == 1:
        work(0, count)
        return
    ends = [count * part // parts for part in range(parts + 1)]
    others = [_pool().submit(work, *pair) for pair in pairwise(ends[1:])]
    work(0, ends[1])
    for other in others:
        other.result()


@lru_cache(1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="bits")
