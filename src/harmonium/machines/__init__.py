"""Machines: unnormalised densities, each with a kernel that leaves it alone; and the deep belief network."""

from torch import nn

from .base import Machine, MeanField
from .bipartite import Bipartite
from .boltzmann import Boltzmann
from .dbm import DBM, Doubled
from .dbn import DBN, Directed, log_density
from .labels import evidence, label_scores
from .normalizable import check_normalizable
from .path import Partway, Path, abreast
from .rbm import RBM

KINDS: dict[str, type[nn.Module]] = {
    kind.__name__.lower(): kind for kind in (RBM, Boltzmann, DBM, DBN, Directed, Doubled)
}

__all__ = [
    "DBM", "DBN", "KINDS", "RBM", "Bipartite", "Boltzmann", "Directed", "Doubled", "Machine", "MeanField", "Partway",
    "Path",
    "abreast", "check_normalizable", "evidence", "label_scores", "log_density",
]  # fmt: skip
