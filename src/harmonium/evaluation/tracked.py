"""The partition function that trajectory tempering knows."""

import torch

from ..machines import Machine
from ..sampling import Trajectory
from ..sampling.trajectory import LOST
from .estimate import Estimate


@torch.no_grad()
def tracked(sampler: Trajectory, machine: Machine) -> Estimate:
    """Return log Z in nats by Bennett's ratio along the rungs of a training (Bennett, 1976), at no cost in sweeps.

    Each rung adds log Z_k − log Z_{k−1} from states of both, the last term from the chains of the machine; the squares
    of the errors add up too.  Verdict: ``reliable`` while at least a tenth of the chains overlap with the last rung,
    as they did from rung to rung.  The error trusts that the states of a rung are independent: where no swaps pass
    somewhere on the ladder it is too small, and annealing from another side tells.
    """
    value, error = sampler.log_partition(machine)
    overlap, chains, rungs = float(sampler.rate), len(sampler.chains), len(sampler.rungs)
    verdict, reason = "unreliable" if overlap < LOST else "reliable", f"{overlap:.0%} overlap with the last rung"
    return Estimate(value, error, "bennett", verdict, reason, chains, rungs)
