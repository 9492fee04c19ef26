"""Evaluation: numbers with their errors, and what they can be trusted for."""

from .annealing import anneal, anneal_until_consistent, base
from .baseline import independent_log_likelihood
from .basins import Basins, survey
from .certificate import certificate, certificate_of_rows
from .classify import Classification, gibbs_scores, scores
from .diagnostics import chain_drift, free_energy_gap, reconstruction_error, stability, usage, weight_norm
from .equilibrium import Equilibrium, equilibrium
from .estimate import Estimate, log_evidence, log_likelihood
from .exact import countable, listed, log_marginal, log_partition
from .lower_bound import Bounded, lower_bound
from .pseudo import pseudo_likelihood, stochastic_pseudo_likelihood
from .tracked import tracked

__all__ = [
    "Basins",
    "Bounded",
    "Classification",
    "Equilibrium",
    "Estimate",
    "anneal",
    "anneal_until_consistent",
    "base",
    "certificate",
    "certificate_of_rows",
    "chain_drift",
    "countable",
    "equilibrium",
    "free_energy_gap",
    "gibbs_scores",
    "independent_log_likelihood",
    "listed",
    "log_evidence",
    "log_likelihood",
    "log_marginal",
    "log_partition",
    "lower_bound",
    "pseudo_likelihood",
    "reconstruction_error",
    "scores",
    "stability",
    "stochastic_pseudo_likelihood",
    "survey",
    "tracked",
    "usage",
    "weight_norm",
]
