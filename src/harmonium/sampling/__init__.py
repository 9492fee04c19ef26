"""Chains, and the sources of negative states that training draws on."""

from .chains import run
from .dreams import dream, wander
from .negatives import Contrastive, Exact, Fresh, Persistent, Sampler
from .recovery import flip_channel, recover
from .tempering import Tempered, even_out, measured
from .trajectory import Trajectory

__all__ = [
    "Contrastive", "Exact", "Fresh", "Persistent", "Sampler", "Tempered", "Trajectory", "dream", "even_out",
    "flip_channel", "measured", "recover", "run", "wander",
]  # fmt: skip
