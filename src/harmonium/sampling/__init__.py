"""Chains, and the sources of negative states that training draws on."""

from ..units import Condition
from .conditions import condition
from .gibbs import gibbs_sample, sample, sample_chain
from .missing import complete, denoise, flip_field, impute, posterior
from .samplers import CD, PCD, ExactSampler, NaiveMCMC, Sampler
from .tempering import BETAS, ParallelTempering, lengths, path_lengths, space_evenly, tempered_chain
from .trajectory import TrajectoryTempering

__all__ = [
    "BETAS", "CD", "PCD", "Condition", "ExactSampler", "NaiveMCMC", "ParallelTempering", "Sampler",
    "TrajectoryTempering", "complete", "condition", "denoise", "flip_field", "gibbs_sample", "impute", "lengths",
    "path_lengths", "posterior", "sample", "sample_chain", "space_evenly", "tempered_chain",
]  # fmt: skip
