"""Chains, and the sources of negative states that training draws on."""

from .chains import run
from .dreams import dream, wander
from .negatives import Contrastive, Exact, Fresh, Persistent, Sampler
from .recovery import flip_channel, recover

__all__ = [
    "Contrastive", "Exact", "Fresh", "Persistent", "Sampler", "dream", "flip_channel", "recover", "run",
    "wander",
]  # fmt: skip
