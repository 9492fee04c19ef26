"""Chains, and the sources of negative states that training draws on."""

from .chains import gibbs_sample
from .dreams import sample_chain, sample_label
from .recovery import flip_field, recover
from .samplers import CD, PCD, ExactSampler, NaiveMCMC, Sampler
from .tempering import BETAS, ParallelTempering, lengths, path_lengths, space_evenly
from .trajectory import TrajectoryTempering

__all__ = [
    "BETAS",
    "CD",
    "PCD",
    "ExactSampler",
    "NaiveMCMC",
    "ParallelTempering",
    "Sampler",
    "TrajectoryTempering",
    "flip_field",
    "gibbs_sample",
    "lengths",
    "measured",
    "recover",
    "sample_chain",
    "sample_label",
    "space_evenly",
]  # fmt: skip
