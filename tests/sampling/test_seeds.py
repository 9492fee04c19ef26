"""A seed is the stream of a generator that begins at it, wherever users may pass one."""

import pytest
import torch

from harmonium import (
    CD,
    DBN,
    PCD,
    CenterGradient,
    ParallelTempering,
    TrajectoryTempering,
    evaluation,
    gibbs_sample,
    sample,
    train,
)
from harmonium.sampling import denoise, impute, path_lengths, sample_chain
from harmonium.training import to_sequential
from harmonium.training.updown import _cd_chain
from laws import exact_states, machine, rng

PLAIN = machine("bernoulli")
BETAS = torch.linspace(0, 1, 3)


def last(steps):
    *_, found = steps
    return found[0]


def learned(m, v, g):
    m.zero_grad()
    return last(
        (step.negative,) for step in train(m, [v, v], CD(), torch.optim.SGD(m.parameters(), lr=0.0), generator=g)
    )


DRAWS = {
    "gibbs_sample": lambda m, v, g: gibbs_sample(m, v, 3, generator=g),
    "sample_independent": lambda m, v, g: m.sample_independent(50, generator=g),
    "sample": lambda m, v, g: sample(m, 50, 3, label=0, generator=g),
    "sample_chain": lambda m, v, g: last(sample_chain(m, 50, 3, generator=g)),
    "sample_chain of a network": lambda m, v, g: last(sample_chain(DBN(top=m), 50, 3, generator=g)),
    "impute": lambda m, v, g: impute(m, v, torch.arange(6) > 1, gibbs_steps=4, generator=g),
    "denoise": lambda m, v, g: denoise(m, v, 0.2, gibbs_steps=4, generator=g),
    "path_lengths": lambda m, v, g: path_lengths(m.independent(), m, generator=g)[1],
    "pt": lambda m, v, g: ParallelTempering(m.independent(), BETAS, generator=g).chains,
    "ptt": lambda m, v, g: TrajectoryTempering(m.independent(), m, 20, generator=g).ladder,
    "train": learned,
    "_cd_chain": lambda m, v, g: _cd_chain(m, v, 2, generator=g)[1],
    "to_sequential": lambda m, v, g: to_sequential(PLAIN, 3, generator=g)[-1].weight,
    "ais": lambda m, v, g: torch.tensor(evaluation.ais(m, chains=20, n_betas=20, burn=5, generator=g).value),
    "gibbs_class_probs": lambda m, v, g: evaluation.gibbs_class_probs(m, v[:, :3], generator=g),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_is_the_generator_that_begins_at_it(name):
    m, before = machine("labeled"), torch.get_rng_state()
    v = exact_states(m, 40)
    found = DRAWS[name](m, v, 3)
    assert torch.equal(found, DRAWS[name](m, v, rng(3)))
    assert not torch.equal(found, DRAWS[name](m, v, 4))
    assert torch.equal(torch.get_rng_state(), before)


def test_samplers_and_transforms_take_up_a_state_of_another_size():
    m = machine("bernoulli")
    v = m.even.states()
    grown = TrajectoryTempering(m.independent(), m, 30, generator=1)
    pairs = [
        (PCD(v), PCD(v[:2].float())),
        (
            ParallelTempering(m.independent(), BETAS, 5, generator=1),
            ParallelTempering(m.independent(), torch.linspace(0, 1, 7), generator=2),
        ),
        (grown, TrajectoryTempering(m.independent(), m.independent(), 3, generator=2)),
    ]
    for held, other in pairs:
        other.load_state_dict(held.state_dict())
        assert torch.equal(other(m, v, generator=rng(5)), held(m, v, generator=rng(5)))
    held, other = CenterGradient(), CenterGradient()
    for _ in range(2):
        m.descend(v, v[:3])
        held(m, v, v)
    other.load_state_dict(held.state_dict())
    assert torch.equal(other.offsets, held.offsets)
    assert other.offsets.dtype == torch.float64
    other.load_state_dict(CenterGradient().state_dict())
    assert not len(other.offsets)
