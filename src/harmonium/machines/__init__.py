"""Machines: unnormalized densities, each with a kernel that leaves it alone; and the deep belief network."""

from torch import nn

from .base import Machine, MeanField
from .bipartite import Bipartite
from .boltzmann import BoltzmannMachine, sites
from .dbm import DBM, DoubledRBM
from .dbn import DBN, SigmoidBeliefLayer, log_density
from .holding import holding
from .labels import evidence, label_log_probs
from .normalizable import check_normalizable
from .path import InterpolationPath, Partway, abreast, ais_base, at_temperature
from .rbm import RBM
from .showing import layer_rows, named

KINDS: dict[str, type[nn.Module]] = {
    kind.__name__.lower(): kind for kind in (RBM, BoltzmannMachine, DBM, DBN, SigmoidBeliefLayer, DoubledRBM)
}

__all__ = [
    "DBM",
    "DBN",
    "KINDS",
    "RBM",
    "Bipartite",
    "BoltzmannMachine",
    "DoubledRBM",
    "InterpolationPath",
    "Machine",
    "MeanField",
    "Partway",
    "SigmoidBeliefLayer",
    "abreast", "ais_base", "at_temperature",
    "check_normalizable",
    "evidence",
    "holding",
    "label_log_probs", "layer_rows",
    "log_density",
    "named",
    "sites",
]  # fmt: skip
