"""When loops that numba compiles are worth their second of compilation.

Loops of the same bits may take over at any time; others only by the size of what they are given, so that a run that is
cut and goes on computes what it would have.
"""

from types import ModuleType

from torch import Tensor

WARM = 2**23  # entries by tensor operations before a loop of the same bits is called; a call counts as 2^12 at least
LARGE = 2**14  # entries that other loops are called for

_seen = 0


def same(x: Tensor) -> ModuleType | None:
    """Return the loops of the same bits as tensor operations for a tensor such as ``x``, or nothing: here or yet."""
    global _seen
    _seen += max(x.numel(), 2**12)
    return _loops(x) if _seen >= WARM else None


def close(x: Tensor) -> ModuleType | None:
    """Return the loops that differ in rounding, where ``x`` is large enough."""
    return _loops(x) if x.numel() >= LARGE else None


def _loops(x: Tensor) -> ModuleType | None:
    if x.device.type != "cpu":
        return None
    try:
        from . import loops
    except ImportError:  # numba is missing
        return None
    return loops
