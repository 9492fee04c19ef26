import pytest
import torch

from harmonium import RBM, Bernoulli, evaluation
from harmonium.evaluation.annealing import _Plan, base, judge
from laws import MACHINES, exact_states, machine, probabilities, randomised, rng, row_of, same_distribution


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("rungs", [2, 4, 50])
def test_annealing_agrees_with_enumeration(name, rungs):
    """With few rungs too, where a wrong order of weight and sweep would show."""
    m = machine(name)
    truth = evaluation.log_partition(m).value
    estimate = evaluation.anneal(m, chains=100_000 // rungs, rungs=rungs, burn=1, generator=rng())
    assert abs(estimate.value - truth) < 5 * estimate.error
    assert estimate.error < 0.5


@pytest.mark.parametrize("name", MACHINES)
def test_the_way_back_agrees_too(name):
    m = machine(name)
    truth = evaluation.log_partition(m).value
    data = exact_states(m, 3000)[:, : m.visible.width]
    burn = 30 if m.latent else 1  # what is latent starts from a guess
    estimate = evaluation.anneal(m, data, chains=3000, rungs=30, burn=burn, generator=rng())
    assert estimate.reverse == pytest.approx(truth, abs=0.1)
    assert estimate.value == pytest.approx(truth, abs=5 * estimate.error)
    assert estimate.verdict == "reliable"


@pytest.mark.slow
@pytest.mark.parametrize("rungs", [4, 1000])
@pytest.mark.parametrize("scale", [*(pytest.param(s, marks=pytest.mark.whole) for s in (0.5, 1.0)), 2.0])
def test_errors_are_honest_on_random_machines(rungs, scale):
    """Of 50 random machines of up to 20×12 units at least 48 lie within three reported errors of the exact log Z."""
    inside = 0
    for seed in range(50):
        g = rng(seed)
        visible, hidden = (int(torch.randint(2, top + 1, (1,), generator=g)) for top in (20, 12))
        m = randomised(RBM(Bernoulli(visible), Bernoulli(hidden)), scale, seed).requires_grad_(False)
        estimate = evaluation.anneal(m, rungs=rungs, generator=g)
        inside += abs(estimate.value - evaluation.log_partition(m).value) < 3 * estimate.error
    assert inside >= 48


def test_the_weights_average_to_one_between_equal_machines():
    m = machine("bernoulli").decoupled()
    estimate = evaluation.anneal(m, chains=50, rungs=3, generator=rng())
    assert estimate.value == pytest.approx(evaluation.log_partition(m).value, abs=5 * estimate.error + 1e-9)


def test_the_base_has_the_means_of_the_data_and_no_hidden_field():
    m = machine("mixed visible")
    data = exact_states(m, 4000)
    start = base(m, data)
    assert all((leaf.bias == 0).all() for leaf in start.odd.leaves())
    assert torch.allclose(start.even.mean(start.even.rest()), data.mean(0), atol=0.01)
    assert torch.equal(start.even.parts[0].log_precision, m.even.parts[0].log_precision)


def test_the_verdict_needs_effective_chains_and_agreement():
    assert judge(ess=9.9, chains=100, value=5.0, reverse=5.0)[0] == "unreliable"
    assert judge(ess=10.1, chains=100, value=5.0, reverse=5.9)[0] == "reliable"
    verdict, reason = judge(ess=99.0, chains=100, value=5.0, reverse=6.1)
    assert verdict == "unreliable"
    assert "way back gives 6.10, 1.1 nats off" in reason


def test_a_machine_with_modes_away_from_its_data_is_not_called_reliable():
    """All ones hold nearly all of Z, and the data are all zeros: the start from the data never sees it."""
    m = RBM(Bernoulli(30), Bernoulli(4)).double().requires_grad_(False)
    m.weight.fill_(2.0)
    m.hidden.bias.fill_(-28.0)
    truth = evaluation.log_partition(m).value
    data = torch.zeros(200, 30, dtype=torch.float64)
    start, alone = base(m, data), base(m)
    assert float(start.even.mean(start.even.rest()).max()) < 0.01 < float(alone.even.mean(alone.even.rest()).min())
    estimate = evaluation.anneal(m, data, rungs=100, generator=rng())
    assert estimate.verdict == "unreliable"
    assert "away from the data" in estimate.reason
    assert abs(estimate.value - truth) < 1.0


def test_few_effective_chains_are_unreliable_and_more_rungs_mend_it():
    m = randomised(RBM(Bernoulli(16), Bernoulli(10)), 2.0, seed=1).requires_grad_(False)
    truth = evaluation.log_partition(m).value
    steps = list(evaluation.anneal_until_reliable(m, rungs=2, chains=100, generator=rng()))
    assert [step.verdict for step in steps] == ["unreliable"] * (len(steps) - 1) + ["reliable"]
    assert len(steps) > 1
    assert "effective" in steps[0].reason
    assert abs(steps[-1].value - truth) < 3 * steps[-1].error
    assert [step.rungs for step in steps] == [2 * 4**i for i in range(len(steps))]


def test_a_likelihood_hands_on_the_error_and_the_verdict():
    m = machine("bernoulli")
    v = m.even.states()[:3]
    z = evaluation.anneal(m, chains=50, rungs=10, generator=rng())
    ll = evaluation.log_likelihood(m, v, z)
    assert ll.value == pytest.approx(-float(m.free_energy(v).detach().mean()) - z.value)
    assert (ll.error, ll.verdict, ll.ess) == (z.error, z.verdict, z.ess)
    assert ll.reverse - ll.value == pytest.approx(z.value - z.reverse)
    assert sum(ll.bracket) == pytest.approx(2 * (ll.value + z.value) - sum(z.bracket))
    exact = evaluation.log_likelihood(m, v, evaluation.log_partition(m))
    truth = torch.log_softmax(-m.free_energy(m.even.states()).detach(), 0)[:3].mean()
    assert exact.value == pytest.approx(float(truth))


def test_a_seed_repeats():
    m = machine("bernoulli")
    a, b = (evaluation.anneal(m, chains=20, rungs=10, generator=rng(3)) for _ in range(2))
    assert a.value == b.value


def test_the_way_back_starts_from_states_of_the_machine():
    """Without data they come from the top of a ladder: their distribution is the machine's own, by chi-square."""
    m = RBM(Bernoulli(5), Bernoulli(4), generator=rng(1)).double().requires_grad_(False)
    m.weight.normal_(0, 1.5, generator=rng(2))
    plan = _Plan(m, [(0.0, 1.0)], 20_000, 200, iter, rng(3))
    x = plan.tempered(evaluation.base(m))
    states = row_of(m).states()
    same_distribution(x, states, probabilities(m, states))
