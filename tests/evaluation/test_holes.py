"""What is not known of a row is summed out: exactly, or by importance sampling."""

import math

import pytest
import torch

import harmonium as hm
from harmonium import RBM, Bernoulli, Binomial, Concat, Gaussian, Potts, ZeroInflated, evaluation
from harmonium.evaluation import holes
from laws import randomized, rng


def made(hidden=4):
    row = Concat(Potts([2, 3]), Bernoulli(2), Binomial(1, 2))
    return randomized(RBM(row, Bernoulli(hidden))).requires_grad_(False)


def holed(m, share=0.4):
    """Return rows of which some sites are NaN."""
    v = m.sample_independent(12, generator=1).double()
    for columns in m.visible.sites():
        v[torch.rand(12, generator=rng(int(columns[0]))) < share, columns[:, None]] = torch.nan
    return v


def truth(m, v):
    """Return the log of the summed weights of all states that agree with each row."""
    s = m.visible.states()
    agree = ((s == v[:, None]) | v[:, None].isnan()).all(-1)
    return torch.where(agree, -m.free_energy(s), -math.inf).logsumexp(-1)


def test_what_is_missing_is_summed_out_exactly():
    m, v = made(), holed(made())
    assert v.isnan().any(1).sum() > 6
    torch.testing.assert_close(evaluation.log_evidence_of_known(m, v), truth(m, v), rtol=0, atol=1e-9)


@pytest.mark.slow
def test_importance_sampling_is_near_the_sum_and_unbiased(monkeypatch):
    m, v = made(), holed(made())
    monkeypatch.setattr(holes, "LISTED", 1)
    rows = v.repeat(400, 1)
    ratio = (evaluation.log_evidence_of_known(m, rows, generator=0) - truth(m, v).repeat(400)).exp().view(400, -1)
    error = ratio.std(0) / 20
    assert ((ratio.mean(0) - 1).abs() <= 5 * error + 1e-9).all()
    assert float(ratio.log().mean()) < 5 * float(error.max())  # on average too low, if anything


def test_continuous_cells_are_integrated():
    m = randomized(RBM(Concat(Gaussian(1), ZeroInflated(1)), Bernoulli(2)), 0.4).requires_grad_(False)
    y = m.odd.states()
    whole = (m.even.cgf(m.down(y)) - m.odd.energy(y)).logsumexp(0)
    found = evaluation.log_evidence_of_known(m, torch.full((1, 3), torch.nan, dtype=torch.float64))
    torch.testing.assert_close(found[0], whole)


def test_a_missing_label_is_summed_out_too():
    m = randomized(RBM(Concat(Bernoulli(3), Potts(1, 3)), Bernoulli(3))).requires_grad_(False)
    v = torch.tensor([[1.0, torch.nan, 0.0]], dtype=torch.float64)
    s = m.visible.states()
    same = (s[:, 0] == 1) & (s[:, 2] == 0)
    torch.testing.assert_close(evaluation.log_evidence_of_known(m, v)[0], (-m.free_energy(s[same])).logsumexp(0))


def test_the_baseline_leaves_out_what_is_missing():
    m, v = made(), holed(made())
    s = m.visible.states()
    log_p = torch.log_softmax(-m.visible.energy(s), 0)
    agree = ((s == v[:, None]) | v[:, None].isnan()).all(-1)
    expected = torch.where(agree, log_p, -math.inf).logsumexp(-1).mean()
    assert evaluation.baseline_log_likelihood(m.visible, None, v) == pytest.approx(float(expected), abs=1e-9)


def test_machines_that_cannot_sum_out_say_so():
    with pytest.raises(hm.InputError, match="fill them in, or train an rbm"):
        evaluation.log_evidence_of_known(hm.DBM(3, 2, 2), torch.tensor([[1.0, torch.nan, 0.0]]))
