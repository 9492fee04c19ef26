"""Chains, and the sources of negative states that training draws on."""

from ..units import Condition
from .conditions import condition
from .gibbs import (
    clamped_chains,
    complete,
    denoise,
    flip_field,
    gibbs_sample,
    impute,
    sample,
    sample_chain,
)
from .samplers import CD, PCD, ExactSampler, NaiveMCMC, Sampler
from .tempering import BETAS, ParallelTempering, lengths, path_lengths, space_evenly, tempered_chain
from .trajectory import TrajectoryTempering

__all__ = [
    "BETAS", "CD", "PCD", "Condition", "ExactSampler", "NaiveMCMC", "ParallelTempering", "Sampler",
    "TrajectoryTempering", "clamped_chains", "complete", "condition", "denoise", "flip_field", "gibbs_sample", "impute",
    "lengths", "path_lengths", "sample", "sample_chain", "space_evenly", "tempered_chain",
]  # fmt: skip
