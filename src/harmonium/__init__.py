"""Boltzmann machines: train them, sample them, and get likelihoods you can defend.

Rows of units (`Bernoulli`, `Spin`, `Binomial`, `Potts`, `Gaussian`, `ReLU`, `Concat`) make machines (`RBM`,
`BoltzmannMachine`, `DBM`) and networks (`DBN`);
samplers (`CD`, `PCD`, `ParallelTempering`, `TrajectoryTempering`, `NaiveMCMC`, `ExactSampler`) give `train` its negative states;
`evaluation` says how good the machine is.  Names are imported when first used, so that the command line starts at once.
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import data, evaluation
    from .errors import DivergenceError, InputError
    from .machines import (
        DBM,
        DBN,
        RBM,
        Bipartite,
        BoltzmannMachine,
        DoubledRBM,
        InterpolationPath,
        Machine,
        SigmoidBeliefLayer,
    )
    from .sampling import (
        CD,
        PCD,
        ExactSampler,
        NaiveMCMC,
        ParallelTempering,
        Sampler,
        TrajectoryTempering,
        gibbs_sample,
        sample_label,
    )
    from .storage import load, save
    from .training import (
        L1,
        L2,
        CenterGradient,
        ClipGradNorm,
        HybridLoss,
        Rollback,
        SparsityPenalty,
        Step,
        contrastive_loss,
        schedule,
        train,
    )
    from .units import Bernoulli, Binomial, Concat, Gaussian, Potts, ReLU, Spin, Units

__version__ = _version("harmonium")

_ROOMS = {
    "units": "Bernoulli Binomial Gaussian Join Potts ReLU Spin Units",
    "machines": "DBM DBN RBM Bipartite Boltzmann Directed Doubled Machine Path",
    "sampling": "Contrastive Exact Fresh Persistent Sampler Tempered Trajectory sample run",
    "training": "L1 L2 Center ClipNorm Discriminative Retreat Sparsity Step contrastive_loss schedule train",
    "storage": "load save",
    "errors": "Diverged InputError",
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = [
    "CD",
    "DBM",
    "DBN",
    "L1",
    "L2",
    "PCD",
    "RBM",
    "Bernoulli",
    "Binomial",
    "Bipartite",
    "BoltzmannMachine",
    "CenterGradient",
    "ClipGradNorm",
    "Concat",
    "DivergenceError",
    "DoubledRBM",
    "ExactSampler",
    "Gaussian",
    "HybridLoss",
    "InputError",
    "InterpolationPath",
    "Machine",
    "NaiveMCMC",
    "ParallelTempering",
    "Potts",
    "ReLU",
    "Rollback",
    "Sampler",
    "SigmoidBeliefLayer",
    "SparsityPenalty",
    "Spin",
    "Step",
    "TrajectoryTempering",
    "Units",
    "contrastive_loss",
    "data",
    "evaluation",
    "load",
    "run",
    "sample_label",
    "save",
    "schedule",
    "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in ("data", "evaluation", "plots"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'harmonium' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
