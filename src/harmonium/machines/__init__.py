"""Machines: unnormalised densities, each with a kernel that leaves it alone."""

from .base import Machine
from .bipartite import Bipartite
from .path import Path
from .rbm import RBM

KINDS: dict[str, type[Machine]] = {kind.__name__.lower(): kind for kind in (RBM,)}

__all__ = ["KINDS", "RBM", "Bipartite", "Machine", "Path"]
