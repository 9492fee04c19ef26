"""Chains, and the sources of negative states that training draws on."""

from .chains import run
from .negatives import Contrastive, Exact, Fresh, Persistent, Sampler

__all__ = ["Contrastive", "Exact", "Fresh", "Persistent", "Sampler", "run"]
