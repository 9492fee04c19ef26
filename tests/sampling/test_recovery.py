"""Recovery against the exact posterior of small machines."""

import pytest
import torch

from harmonium.sampling import flip_field, recover
from laws import LISTED, machine, rng, row_of


@pytest.mark.parametrize("name", LISTED)
def test_what_is_missing_is_filled_with_its_conditional_mean(name):
    m = machine(name).requires_grad_(False)
    s, wide = row_of(m).states(), m.visible.width
    width = m.visible.components()[0].values().shape[1]
    clamped = torch.zeros(wide, dtype=torch.bool)
    clamped[:width] = True
    row = s[len(s) // 3, :wide]
    agree = s[(s[:, :width] == row[:width]).all(-1)]
    odds, agree = torch.softmax(-m.free_energy(agree), 0), agree[:, :wide]
    truth = odds @ agree
    ours = recover(m, row[None], clamped, chains=4000, gibbs_steps=40, generator=rng())[0]
    assert torch.equal(ours[:width], row[:width])
    error = agree.std(0, correction=0) / 4000**0.5  # each chain counts at least once
    assert ((ours - truth).abs() <= 5 * error + 1e-9).all()


@pytest.mark.parametrize("name", ["bernoulli", "spin"])
def test_noise_is_taken_out_by_its_posterior_mean(name):
    m = machine(name).requires_grad_(False)
    low = float(m.even.states().min())
    s, p = m.even.states(), 0.2
    seen = s[5]
    flips = (s != seen).sum(-1)
    log_posterior = -m.free_energy(s) + flips * torch.log(torch.tensor(p / (1 - p), dtype=s.dtype))
    truth = torch.softmax(log_posterior, 0) @ s
    external_field = flip_field(seen[None], p, low)
    ours = recover(m, seen[None], None, external_field, chains=4000, gibbs_steps=40, generator=rng())[0]
    assert ((ours - truth).abs() <= 5 * (1 - low) / 2 / 4000**0.5).all()
