"""Evaluation: numbers with their errors, and what they can be trusted for."""

from ..machines import ais_base
from .ais import ais, ais_until_consistent
from .baseline import baseline_log_likelihood
from .basins import Basins, survey
from .certificate import certificate, certificate_of_rows
from .classify import Classification, class_log_probs, gibbs_class_probs
from .diagnostics import (
    free_energy_drift,
    free_energy_gap,
    mean_activation,
    reconstruction_error,
    static_weight_fraction,
    weight_norm,
)
from .estimate import Estimate, log_evidence, log_likelihood
from .exact import is_enumerable, log_partition, n_enumerated_states
from .from_trajectory import log_partition_from_trajectory
from .holes import LISTED, log_evidence_of_known
from .lower_bound import LowerBound, lower_bound
from .mixing import Mixing, mixing
from .pseudo import pseudo_likelihood, sampled_pseudo_likelihood
from .surprise import mutual_information, surprise

__all__ = [
    "LISTED",
    "Basins",
    "Classification",
    "Estimate",
    "LowerBound",
    "Mixing",
    "ais",
    "ais_base",
    "ais_until_consistent",
    "baseline_log_likelihood",
    "certificate",
    "certificate_of_rows",
    "class_log_probs",
    "free_energy_drift",
    "free_energy_gap",
    "gibbs_class_probs",
    "is_enumerable",
    "log_evidence",
    "log_evidence_of_known",
    "log_likelihood",
    "log_partition",
    "log_partition_from_trajectory",
    "lower_bound",
    "mean_activation",
    "mixing",
    "mutual_information",
    "n_enumerated_states",
    "pseudo_likelihood",
    "reconstruction_error",
    "sampled_pseudo_likelihood",
    "static_weight_fraction",
    "surprise",
    "survey",
    "weight_norm",
]
