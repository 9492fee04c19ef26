"""Labels read from a generative model, against enumeration."""

import pytest
import torch

from harmonium import DBN, RBM, Bernoulli, Concat, InputError, Potts, SigmoidBeliefLayer, evaluation
from harmonium.evaluation import Classification, class_log_probs, gibbs_class_probs
from harmonium.machines import evidence, label_log_probs
from laws import DEEP, LISTED, MACHINES, exact_states, machine, randomized, rng, row_of
from marks import slow_but

LABELED = [name for name in LISTED if MACHINES[name]().labels]
EXACT = [name for name in LABELED if name not in DEEP]
BOUNDED = [name for name in LABELED if name in DEEP]
labeled = pytest.mark.parametrize("name", slow_but(LABELED))


def beside(name):
    """Return a machine, some rows without labels, and the exact log p(v, label) + log Z of each, (rows, labels)."""
    m = machine(name).requires_grad_(False)
    s, first = row_of(m).states(), m.visible.width - m.labels
    v = m.visible.states()[:: 3 * m.labels, :first]
    log_p = torch.stack([
        torch.stack([
            torch.logsumexp(-m.free_energy(s[(s[:, : m.visible.width] == torch.cat([row, mark])).all(-1)]), 0)
            for mark in torch.eye(m.labels, dtype=s.dtype)
        ])
        for row in v
    ])  # fmt: skip
    return m, v, log_p


def test_every_kind_of_labeled_machine_is_among_these():
    assert EXACT == ["labeled", "general, labeled"]
    assert BOUNDED == ["labeled three layers", "general, sparse"]


@pytest.mark.parametrize("name", EXACT)
def test_the_scores_are_the_exact_log_probabilities_of_the_labels(name):
    m, v, log_p = beside(name)
    assert torch.allclose(label_log_probs(m, v), log_p, rtol=1e-12)
    assert torch.allclose(label_log_probs(m, v).softmax(-1), log_p.softmax(-1), rtol=1e-12)
    assert torch.equal(class_log_probs(m, v, rows=2), label_log_probs(m, v))
    assert torch.allclose(evidence(m, v), log_p.logsumexp(-1), rtol=1e-12)


@pytest.mark.parametrize("name", BOUNDED)
def test_latent_rows_leave_bounds_on_them(name):
    m, v, log_p = beside(name)
    assert (label_log_probs(m, v) <= log_p + 1e-12).all()
    assert (label_log_probs(m, v) < log_p - 1e-9).any()
    assert (evidence(m, v) < log_p.logsumexp(-1)).all()
    marks = torch.eye(m.labels, dtype=v.dtype)
    bounds = [m.elbo(torch.cat([v, mark.expand(len(v), -1)], -1)) for mark in marks]
    assert torch.allclose(class_log_probs(m, v), torch.stack(bounds, -1), rtol=1e-12)


@labeled
def test_with_its_label_a_row_has_the_evidence_of_its_bound(name):
    m = machine(name).requires_grad_(False)
    x = exact_states(m, 5)[:, : m.visible.width]
    assert torch.equal(evidence(m, x), m.elbo(x))


@pytest.mark.parametrize("name", EXACT)
def test_a_likelihood_sums_a_missing_label_out(name):
    m, v, log_p = beside(name)
    log_z = evaluation.log_partition(m)
    truth = float(log_p.logsumexp(-1).mean()) - log_z.value
    assert evaluation.log_likelihood(m, v, log_z).value == pytest.approx(truth, rel=1e-12)


def test_machines_without_labels_are_refused_in_one_line():
    for name in ("bernoulli", "potts", "three layers", "general"):
        m = machine(name)
        with pytest.raises(InputError, match="no label units: train it with labels"):
            label_log_probs(m, m.sample_independent(2, generator=rng())[:, : m.visible.width])


@labeled
def test_gibbs_read_outs_average_to_the_exact_probabilities(name):
    m, v, log_p = beside(name)
    for row, truth in zip(v, log_p.softmax(-1), strict=True):
        means = gibbs_class_probs(m, row.expand(10_000, -1), gibbs_steps=30, generator=rng(1))
        assert torch.allclose(means.sum(-1), means.new_ones(()))
        assert ((means.mean(0) - truth).abs() < 5 * means.std(0) / 100 + 1e-12).all()


def labeled_net() -> DBN:
    top = RBM(Concat(Bernoulli(3), Potts(1, 3)), Bernoulli(4))
    return randomized(DBN(SigmoidBeliefLayer(Bernoulli(4), Bernoulli(3)), top=top)).requires_grad_(False)


def test_a_network_is_read_at_its_top():
    """Scores take the code of a pass up by means; the noisy read-out draws it."""
    dbn = labeled_net()
    v = dbn.visible.states()[::5]
    layer = dbn.arrows()[0]
    mean = torch.sigmoid(v @ layer.recognition + layer.above.bias)
    code, marks = layer.above.states(), torch.eye(3, dtype=v.dtype)
    assert torch.allclose(class_log_probs(dbn, v, rows=3), label_log_probs(dbn.top, mean), rtol=1e-12)
    given = torch.stack([
        torch.stack([-dbn.top.free_energy(torch.cat([row, mark])) for mark in marks]).softmax(0) for row in code
    ])  # fmt: skip
    for row, p in zip(v, mean, strict=True):
        q = (code * p + (1 - code) * (1 - p)).prod(-1)
        means = gibbs_class_probs(dbn, row.expand(20_000, -1), gibbs_steps=20, generator=rng(1))
        assert ((means.mean(0) - q @ given).abs() < 5 * means.std(0) / 20_000**0.5).all()


def test_a_classification_counts_the_truth_on_the_first_axis():
    truth, given = torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([0, 1, 1, 1, 0, 0])
    found = Classification.compare(given, truth, 4)
    assert found.confusion.tolist() == [[1, 2, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert found.rows == 6
    assert found.accuracy == pytest.approx(2 / 6)
    assert found.error == pytest.approx(4 / 6)
