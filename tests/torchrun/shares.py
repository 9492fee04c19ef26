"""Train machines of the laws, in as many processes as torchrun started, and save what was learned.

torchrun --nproc-per-node N shares.py OUT MACHINE…
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from harmonium.data import batches
from harmonium.fitting import torchrun
from harmonium.numerics import distributed
from harmonium.sampling import CD, PCD, ExactSampler, NaiveMCMC
from harmonium.storage import write_tensors
from harmonium.training import CenterGradient, SparsityPenalty, train
from laws import BIPARTITE, exact_states, machine, rng

STEPS, BATCH = 50, 16
SAMPLERS = {
    "pcd": lambda x: PCD(distributed.own(x), 2),
    "cd": lambda x: CD(1),
    "naive-mcmc": lambda x: NaiveMCMC(len(x) // distributed.count(), 2),
    "exact": lambda x: ExactSampler(len(x) // distributed.count()),
}


def learned(name: str, sampler: str) -> dict[str, torch.Tensor]:
    """Return the parameters after `STEPS` steps of one machine, and its chains, in float64."""
    m = machine(name)
    rows = exact_states(m, 50)[:, : m.visible.width]
    chains = m.infer(rows[:BATCH], generator=rng(1))
    source = SAMPLERS[sampler](chains)
    bounded = name in ("bernoulli", "labeled", "three layers")
    feed = (distributed.own(x) for x in batches(rows, BATCH, generator=rng(2)))
    steps = train(
        m, feed, source, torch.optim.SGD(m.parameters(), lr=0.01, momentum=0.5),
        transforms=[CenterGradient()] if name in BIPARTITE else [],
        penalties=[SparsityPenalty(0.3, 0.1)] if bounded else [],
        generator=rng(3),
    )  # fmt: skip
    for _ in range(STEPS):
        with distributed.split():
            step = next(steps)
    found = {f"{sampler}, {name}: {key}": value.detach() for key, value in m.named_parameters()}
    return found | {f"{sampler}, {name}: negative": distributed.whole(step.negative)}


def all_learned(names: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return what every machine learned: Bernoulli units from all samplers, the rest from PCD."""
    cases = [(name, sampler) for name in names for sampler in (SAMPLERS if name == "bernoulli" else ("pcd",))]
    return {key: value for case in cases for key, value in learned(*case).items()}


def main() -> None:
    """Train all, and let the first process save."""
    torch.set_num_threads(1)
    with torchrun.joined():
        found = all_learned(sys.argv[2:])
        if torchrun.leads():
            write_tensors(Path(sys.argv[1]), found, {})


if __name__ == "__main__":
    main()
