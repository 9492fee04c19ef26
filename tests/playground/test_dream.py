"""Chains of a tab: what is clamped or held stays, what is free has the distribution of the rest given it."""

import json

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

import harmonium as hm
from harmonium import InputError
from harmonium.playground import asks
from harmonium.playground.dream import Dream
from harmonium.playground.subject import Subject
from laws import rng

LIMIT = 1e-6


def ask(**how):
    return asks.read(json.dumps({"type": "set", **how}))


def dream(run, **how):
    made = Dream(Subject(run), ask(), seed=3)
    made.set(ask(**how))
    return made


def small(machine, scale=0.8):
    g = rng(5)
    with torch.no_grad():
        for p in machine.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=g))
    return hm.Run.of(machine.requires_grad_(False))


LABELED = hm.Concat(6, hm.Potts(1, 3))
RUNS = {
    "rbm": lambda: small(hm.RBM(6, 4)),
    "spins": lambda: small(hm.RBM(hm.Spin(6), hm.Spin(4))),
    "labeled": lambda: small(hm.RBM(LABELED, 4)),
    "dbm": lambda: small(hm.DBM(6, 4, 3)),
    "boltzmann": lambda: small(hm.BoltzmannMachine(6, 3)),
    "all visible": lambda: small(hm.BoltzmannMachine(6)),
    "dbn": lambda: small(hm.DBN.stack([hm.RBM(6, 4), hm.RBM(4, 5)])),
}


@pytest.mark.parametrize("name", RUNS)
def test_what_is_clamped_never_changes_and_the_rest_does(name):
    made = dream(RUNS[name](), chains=4, mask=[1, 1, 0, 0, 1, 0], values=[1, 0, 0, 0, 1, 0])
    seen = []
    for _ in range(200):
        made.move()
        seen.append(made.frame()[1]["visible"])
    seen = np.array(seen)
    assert (seen[..., [0, 1, 4]] == np.array([1, 0, 1], seen.dtype)).all()
    assert (seen[..., [2, 3, 5]].std((0, 1)) > 0).all()


@pytest.mark.parametrize("name", [name for name in RUNS if name != "all visible"])
def test_a_held_unit_stays_as_it_is_held(name):
    run = RUNS[name]()
    top = len(Subject(run).layers) - 1
    made = dream(run, held=[[top, 1, 1.0], [top, 2, 0.0]])
    for _ in range(50):
        made.move()
        assert made.frame()[1][f"hidden{top}"][1:3].tolist() == [255, 0]


@pytest.mark.parametrize(
    ("layer", "unit"), [(0, 2), (1, 1)], ids=["a layer that is summed out", "a layer of the state"]
)
def test_the_visible_row_follows_a_held_unit(layer, unit):
    """Exact: chains of 20,000 draws of the joint distribution, that is enumerated, given the unit."""
    run = small(hm.DBM(4, 3, 2))
    machine = run.model.double()
    x, y = machine.even.states(), machine.odd.states()
    weights = (-machine.energy(x[:, None], y)).exp()
    weights = weights[:, y[:, unit] == 1] if layer == 0 else weights[x[:, 4 + unit] == 1]
    states = x if layer == 0 else x[x[:, 4 + unit] == 1]
    number = (states[:, :4] @ torch.tensor([8.0, 4.0, 2.0, 1.0]).double()).long()
    expected = torch.zeros(16).double().index_add(0, number, weights.sum(1))
    made = dream(small(hm.DBM(4, 3, 2)), chains=1, held=[[layer, unit, 1.0]])
    made.x = made.x.repeat(20_000, 1)
    made.how = made.how.model_copy(update={"steps": 60})
    made.move()
    found = (made.x[:, :4] @ torch.tensor([8.0, 4.0, 2.0, 1.0])).long().bincount(minlength=16).double()
    assert chisquare(found, expected / expected.sum() * 20_000).pvalue > LIMIT


def test_a_label_is_clamped_and_its_class_is_what_the_row_shows(flags):
    made = dream(hm.load(flags / "run"), chains=16, label=1)
    for _ in range(30):
        made.move()
        assert made.x[:, 9:].tolist() == [[0.0, 1.0]] * 16
    _, arrays = made.frame()
    np.testing.assert_allclose(arrays["label"].sum(1), 1, atol=1e-6)


def test_at_a_temperature_the_chains_feel_the_energy_divided_by_it():
    run = RUNS["rbm"]()
    made = dream(run, temperature=4)
    x, y = run.model.even.states(), run.model.odd.sample(run.model.odd.zero_field(64), generator=rng(1))
    torch.testing.assert_close(made.machine.energy(x, y), run.model.energy(x, y) / 4)


def test_what_does_not_fit_changes_nothing(flags):
    made = dream(hm.load(flags / "run"), chains=2, label=0, mask=[1] * 9, values=[1] * 9)
    before, x = made.how, made.x
    for how in (
        {"label": 2},
        {"mask": [1]},
        {"mask": [0] * 9, "values": [1]},
        {"held": [[0, 6, 1]]},
        {"held": [[1, 0, 1]]},
    ):
        with pytest.raises(InputError) as told:
            made.set(ask(**how))
        assert "\n" not in str(told.value)
        assert made.how == before
        assert made.x is x


def test_units_below_the_top_of_a_network_cannot_be_held():
    with pytest.raises(InputError, match="units of layer 0 cannot be held"):
        dream(RUNS["dbn"](), held=[[0, 1, 1.0]])


def test_chains_begin_anew_at_a_row_or_at_noise_and_clamped_columns_stay():
    made = dream(RUNS["rbm"](), chains=3, mask=[1, 0, 0, 0, 0, 0], values=[1, 0, 0, 0, 0, 0])
    made.begin([0, 1, 1, 0, 0, 1])
    assert made.x.tolist() == [[1, 1, 1, 0, 0, 1]] * 3
    made.begin()
    assert made.x[:, 0].tolist() == [1] * 3


def test_what_a_unit_is_sent_from_below_and_above_is_its_field():
    made = dream(RUNS["dbm"]())
    machine = made.machine
    for unit in range(3):
        sent = made.flow(1, unit)
        assert set(sent) == {"below"}
        field = machine.down(machine.odd.mean(machine.up(made.x)))[0, 6 + unit]
        np.testing.assert_allclose(sent["below"].sum(), field, atol=1e-5)
    for unit in range(4):
        from_below = made.x[0, :6] @ machine.weights[0][:, unit]
        np.testing.assert_allclose(
            from_below + made.flow(0, unit)["above"].sum(), machine.up(made.x)[0, unit], atol=1e-5
        )


def test_what_a_unit_of_a_network_is_sent_goes_up_by_recognition_and_down_by_generation():
    rbms = [hm.RBM(6, 4), hm.RBM(4, 5), hm.RBM(5, 3)]
    made = dream(small(hm.DBN.stack(rbms)))
    means, arrow = made.subject.model.hidden_means(made.x), made.subject.model.arrows()[1]
    up, down = arrow.up(means[0])[0], arrow.down(means[1])[0]
    for unit in range(4):
        np.testing.assert_allclose(made.flow(1, unit)["below"].sum(), up[unit], atol=1e-5)
        np.testing.assert_allclose(made.flow(0, unit)["above"].sum(), down[unit], atol=1e-5)
    assert [set(made.flow(layer, 0)) for layer in range(3)] == [{"above"}, {"below", "above"}, {"below"}]


@pytest.mark.parametrize("name", RUNS)
def test_the_hidden_units_of_a_model_without_its_rows_are_told(name):
    made = dream(RUNS[name](), chains=2)
    for number, row in enumerate(made.subject.layers):
        _, found = made.subject.fields(number, made.x)
        assert {len(found[what]) for what in ("fields", "size", "activity", "effect")} == {row.width}
