"""Annealed importance sampling (first version)."""
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
import torch
from torch import Generator, Tensor
from ..machines import Machine, Path
from .estimate import Estimate

@torch.no_grad()
def climb(path, betas, x, *, generator=None):
    log_weight = torch.zeros(x.shape[:-1], dtype=torch.float64)
    for before, after in betas:
        log_weight += path.at(before).free_energy(x).double()
        here = path.at(after)
        log_weight -= here.free_energy(x).double()
        x = here.gibbs(x, generator=generator)
    return log_weight, x

def anneal(machine, *, chains=500, rungs=1000, start=None, generator=None):
    start = start or machine.decoupled()
    betas = list(pairwise(torch.linspace(0, 1, rungs, dtype=torch.float64)))
    lw, x = climb(Path(start, machine), betas, start.fields_sample(chains, generator=generator), generator=generator)
    w = (lw - lw.max()).exp()
    value = float(start.fields_log_partition().double() + lw.logsumexp(0) - math.log(chains))
    ess = float(w.sum()**2/(w*w).sum())
    return Estimate(value, float(w.std()/w.mean()/chains**.5), "anneal", chains=chains, rungs=rungs, ess=ess), lw, x
