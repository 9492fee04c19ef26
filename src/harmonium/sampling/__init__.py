"""Chains, and the sources of negative states that training draws on."""

from .chains import run
from .dreams import dream, wander
from .negatives import Contrastive, Exact, Fresh, Persistent, Sampler
from .recovery import flip_channel, recover
from .tempering import BETAS, Tempered, even_out, lengths, measured
from .trajectory import Trajectory

__all__ = [
    "BETAS", "Contrastive", "Exact", "Fresh", "Persistent", "Sampler", "Tempered", "Trajectory", "dream", "even_out",
    "flip_channel", "lengths", "measured", "recover", "run", "wander",
]  # fmt: skip
