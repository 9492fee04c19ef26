"""Evaluation: numbers with their errors, and what they can be trusted for."""

from .annealing import anneal, anneal_until_reliable
from .baseline import independent_log_likelihood
from .diagnostics import free_energy_gap, reconstruction_error, stability, usage, weight_norm
from .estimate import Estimate, log_likelihood
from .exact import countable, log_partition
from .pseudo import pseudo_likelihood, stochastic_pseudo_likelihood

__all__ = [
    "Estimate",
    "anneal",
    "anneal_until_reliable",
    "countable",
    "free_energy_gap",
    "independent_log_likelihood",
    "log_likelihood",
    "log_partition",
    "pseudo_likelihood",
    "reconstruction_error",
    "stability",
    "stochastic_pseudo_likelihood",
    "usage",
    "weight_norm",
]
