"""Boltzmann machines: train them, sample them, and get likelihoods you can defend.

`fit` trains a model on rows and returns a `Run`; `Trainer` does the same epoch by epoch, `load` reads what was saved.
Rows of units (`Bernoulli`, `Spin`, `Binomial`, `Potts`, `OneHot`, `Gaussian`, `ReLU`, `ZeroInflated`, `Concat`) make
machines (`RBM`, `BoltzmannMachine`, `DBM`) and networks (`DBN`); samplers (`CD`, `PCD`, `ParallelTempering`,
`TrajectoryTempering`, `NaiveMCMC`, `ExactSampler`) give `train` its negative states; `evaluation` says how good the
machine is.  Names are imported when first used, so that the command line starts at once.
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import data, evaluation, registry
    from .errors import DivergenceError, InputError, SaveError
    from .fitting import Evaluation, FinetuneConfig, Run, TrainConfig, Trainer, fit, load, save
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
        denoise,
        gibbs_sample,
        impute,
        sample,
    )
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
    from .units import Bernoulli, Binomial, Concat, Gaussian, OneHot, Potts, ReLU, Spin, Units, ZeroInflated

__version__ = _version("harmonium")

_ROOMS = {
    "units": "Bernoulli Binomial Concat Gaussian OneHot Potts ReLU Spin Units ZeroInflated",
    "machines": "DBM DBN RBM Bipartite BoltzmannMachine DoubledRBM InterpolationPath Machine SigmoidBeliefLayer",
    "sampling": "CD PCD ExactSampler NaiveMCMC ParallelTempering Sampler TrajectoryTempering denoise gibbs_sample "
    "impute sample",
    "training": "L1 L2 CenterGradient ClipGradNorm HybridLoss Rollback SparsityPenalty Step contrastive_loss schedule "
    "train",
    "fitting": "Evaluation FinetuneConfig Run TrainConfig Trainer fit load save",
    "errors": "DivergenceError InputError SaveError",
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names.split()}

__all__ = [
    "CD", "DBM", "DBN", "L1", "L2", "PCD", "RBM", "Bernoulli", "Binomial", "Bipartite", "BoltzmannMachine",
    "CenterGradient", "ClipGradNorm", "Concat", "DivergenceError", "DoubledRBM", "Evaluation", "ExactSampler",
    "FinetuneConfig", "Gaussian", "HybridLoss", "InputError", "InterpolationPath", "Machine", "NaiveMCMC",
    "OneHot",
    "ParallelTempering", "Potts", "ReLU", "Rollback", "Run", "Sampler", "SaveError", "SigmoidBeliefLayer",
    "SparsityPenalty", "Spin", "Step", "TrainConfig", "Trainer", "TrajectoryTempering", "Units", "ZeroInflated",
    "contrastive_loss", "data", "denoise",
    "evaluation", "fit", "gibbs_sample", "impute", "load", "registry", "sample", "save", "schedule", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = found  # `fit` is a function here, and a room of the house
        return found
    if name in ("data", "estimators", "evaluation", "plots", "registry"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'harmonium' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
