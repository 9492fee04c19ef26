"""Boltzmann machines: train them, sample them, and get likelihoods you can defend.

Rows of units (`Bernoulli`, `Spin`, `Binomial`, `Potts`, `Gaussian`, `ReLU`, `Join`) make machines (`RBM`,
`Boltzmann`, `DBM`) and networks (`DBN`);
samplers (`Contrastive`, `Persistent`, `Tempered`, `Trajectory`, `Fresh`, `Exact`) give `train` its negative states;
`evaluation` says how good the machine is.  Names are imported when first used, so that the command line starts at once.
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import data, evaluation
    from .errors import Diverged, InputError
    from .machines import DBM, DBN, RBM, Bipartite, Boltzmann, Directed, Doubled, Machine, Path
    from .sampling import Contrastive, Exact, Fresh, Persistent, Sampler, Tempered, Trajectory, dream, run
    from .storage import load, save
    from .training import L1, L2, Centre, ClipNorm, Discriminative, Retreat, Sparsity, Step, schedule, train
    from .units import Bernoulli, Binomial, Gaussian, Join, Potts, ReLU, Spin, Units

__version__ = _version("harmonium")

_ROOMS = {
    "units": "Bernoulli Binomial Gaussian Join Potts ReLU Spin Units",
    "machines": "DBM DBN RBM Bipartite Boltzmann Directed Doubled Machine Path",
    "sampling": "Contrastive Exact Fresh Persistent Sampler Tempered Trajectory dream run",
    "training": "L1 L2 Centre ClipNorm Discriminative Retreat Sparsity Step schedule train",
    "storage": "load save",
    "errors": "Diverged InputError",
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = [
    "DBM", "DBN", "L1", "L2", "RBM", "Bernoulli", "Binomial", "Bipartite", "Boltzmann", "Centre", "ClipNorm",
    "Contrastive", "Directed", "Discriminative", "Diverged", "Doubled", "Exact", "Fresh", "Gaussian", "InputError",
    "Join", "Machine", "Path", "Persistent", "Potts", "ReLU", "Retreat", "Sampler", "Sparsity", "Spin", "Step",
    "Tempered", "Trajectory", "Units", "data", "dream", "evaluation", "load", "run", "save", "schedule", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in ("data", "evaluation", "plots"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'harmonium' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
