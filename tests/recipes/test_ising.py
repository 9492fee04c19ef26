"""The recipe ``ising``: what it finds, where it looks for its file, and a run from end to end."""

import json

import pytest
import torch
from stand_ins import needs

from harmonium import BoltzmannMachine, InputError, Spin, evaluation
from harmonium.progress import silent
from harmonium.recipes import perform, plan
from harmonium.recipes.ising import experiment, magnet

needs_magnet = needs("ising_4x4")


def small(width=4):
    machine, draw = BoltzmannMachine(Spin(width)).double().requires_grad_(False), torch.Generator().manual_seed(2)
    machine.weight.copy_(0.5 * torch.randn(width, width, generator=draw, dtype=torch.float64).triu(1))
    return machine


def test_the_cost_is_minus_the_exact_mean_log_likelihood():
    machine = small()
    v = machine.visible.states()[::3]
    exact = evaluation.log_likelihood(machine, v, evaluation.log_partition(machine)).value
    assert float(experiment.cost(machine, v, machine.visible.states())) == pytest.approx(-exact, abs=1e-12)


def test_the_climb_ends_where_the_means_of_all_pairs_agree():
    truth = small()
    v = magnet_rows(truth)
    learned = experiment.climbed(v, None, plan("ising"), silent, "")
    assert experiment.slope(learned, v) < 1e-6
    states = learned.visible.states()
    odds = torch.softmax(-learned.free_energy(states), 0)
    assert torch.allclose(states.mT @ (odds[:, None] * states), v.mT @ v / len(v), atol=1e-6)


def magnet_rows(machine):
    states = machine.visible.states()
    odds = torch.softmax(-machine.free_energy(states), 0)
    return states[torch.multinomial(odds, 2000, replacement=True, generator=torch.Generator().manual_seed(1))]


def test_masked_pairs_stay_apart():
    mask = torch.eye(4).roll(1, 0).bool()
    learned = experiment.climbed(magnet_rows(small()), mask, plan("ising"), silent, "")
    assert (learned.couplings[0, 2], learned.couplings[1, 3]) == (0, 0)
    assert learned.couplings[0, 1] != 0


def test_a_missing_data_set_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.delenv("HARMONIUM_DATA", raising=False)
    for place, words in ((None, "pass --data-dir DIR"), (tmp_path, "put the files")):
        with pytest.raises(InputError, match=words) as caught:
            magnet.load({**plan("ising"), "data_dir": place})
        assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path):
    folder = tmp_path / "ising_4x4"
    folder.mkdir()
    for name in magnet.FILES.values():
        (folder / name.removesuffix(".gz")).write_text("0.5,0.25\n" * 20)
        if name.endswith(".gz"):
            (folder / name).write_bytes(b"no gzip")
    with pytest.raises(InputError):
        magnet.load({**plan("ising"), "data_dir": tmp_path})
    with pytest.raises(InputError, match="not a table of 16 columns"):
        magnet.spins(folder / "couplings_J_derived.csv")


@pytest.mark.slow
@needs_magnet
def test_maximum_likelihood_comes_near_the_truth(tmp_path):
    settings = plan("ising", quick=True) | {"updates": 20}
    page = perform("ising", settings, tmp_path)
    held = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert held["truth"]["test"] == pytest.approx(-7.4337, abs=1e-4)
    assert held["truth"]["train"] == pytest.approx(-7.4034, abs=1e-4)
    assert held["entropy"] == pytest.approx(7.4083, abs=1e-4)
    best = held["ways"][experiment.EXACT]
    assert best["test"] == pytest.approx(-7.449, abs=5e-4)
    assert best["correlation"] == pytest.approx(0.983, abs=5e-4)
    assert held["slope"] < 1e-5
    assert {path.name for path in tmp_path.glob("*.png")} == {"scatter.png", "matrices.png"}
    assert "−7.4490" in page.read_text()
