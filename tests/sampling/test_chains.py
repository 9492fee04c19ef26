import pytest
import torch

from harmonium import gibbs_sample
from laws import MACHINES, machine, rng


@pytest.mark.parametrize("name", MACHINES)
def test_a_run_is_that_many_sweeps(name):
    m = machine(name).requires_grad_(False)
    x = m.sample_independent(5, generator=rng())
    by_hand, g = x, rng(1)
    for _ in range(3):
        by_hand = m.gibbs(by_hand, generator=g)
    assert torch.equal(gibbs_sample(m, x, 3, generator=rng(1)), by_hand)
    assert torch.equal(gibbs_sample(m, x, 0), x)
