import pytest
import torch

from harmonium.recipes.common.small_machines import (
    chances,
    data_means,
    kernel,
    log_z,
    model_means,
    slopes,
    tiny,
    total_variation,
    visible_odds_of,
)
from harmonium.recipes.common.steps import one_thread, stream
from laws import machine, rng


def test_the_slopes_of_log_z_are_the_means_of_the_model():
    m = tiny(4, 3, 1)
    exact = torch.autograd.grad(log_z(m), [m.weight, m.visible.bias, m.hidden.bias])
    for mean, slope, difference in zip(model_means(m), exact, slopes(m, lambda: log_z(m)), strict=True):
        assert torch.allclose(mean, slope, rtol=1e-12)
        assert torch.allclose(difference, slope, rtol=0, atol=1e-8)


def test_slopes_leave_the_machine_as_it_was():
    m = tiny(3, 2, 0)
    before = [p.detach().clone() for p in m.parameters()]
    slopes(m, lambda: log_z(m))
    assert all(torch.equal(a, b) for a, b in zip(before, m.parameters(), strict=True))


def test_the_means_of_exact_rows_are_the_slopes_of_their_free_energy():
    m, v = tiny(4, 3, 2), machine("bernoulli").visible.states()
    exact = torch.autograd.grad(-m.free_energy(v).mean(), [m.weight, m.visible.bias, m.hidden.bias])
    for mean, slope in zip(data_means(m, v), exact, strict=True):
        assert torch.allclose(mean, slope, rtol=1e-12)


def test_the_kernel_is_a_gibbs_step_and_leaves_the_model_alone():
    m = tiny(4, 3, 3)
    step, p = kernel(m, torch.sigmoid), visible_odds_of(m)
    assert torch.allclose(step.sum(1), torch.ones(16, dtype=torch.float64))
    assert total_variation(p @ step, p) < 1e-14
    x = m.visible.states()
    drawn = m.gibbs(x[5].expand(100_000, -1), generator=rng(1))
    shares = (drawn[:, None, :] == x).all(-1).double().mean(0)
    error = (step[5] * (1 - step[5]) / 100_000).sqrt()
    assert ((shares - step[5]).abs() < 6 * error).all()


def test_chances_are_those_of_independent_units():
    p = torch.tensor([[0.2, 1.0]], dtype=torch.float64)
    states = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
    assert torch.allclose(chances(p, states), torch.tensor([[0.0, 0.8, 0.0, 0.2]], dtype=torch.float64))


def test_the_thread_count_comes_back_whatever_happens():
    before, inside = torch.get_num_threads(), []

    @one_thread()
    def fails():
        inside.append(torch.get_num_threads())
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert inside == [1]
    assert torch.get_num_threads() == before


def test_streams_of_one_seed_differ_and_come_again():
    draws = [torch.rand(3, generator=stream(seed, number)) for seed in (0, 1) for number in (1, 2)]
    assert len({tuple(draw.tolist()) for draw in draws}) == 4
    assert torch.equal(draws[3], torch.rand(3, generator=stream(1, 2)))
