"""Runs on a graphics card, from training to samples, and what they leave for a processor."""

import pytest
import torch

import harmonium as hm
from harmonium import evaluation

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="wants a graphics card")
RUNS = {
    "rbm": {"hidden": 24},
    "labels": {"hidden": 24, "labels": True},
    "cd in bfloat16": {"hidden": 24, "precision": "bfloat16", "sampler": "cd"},
    "tempering": {"hidden": 24, "sampler": "pt"},
    "gaussian": {"hidden": 24, "visible": "gaussian", "lr": 0.001},
    "dbm": {"model": "dbm", "hidden": [24, 8]},
    "dbn": {"model": "dbn", "hidden": [24, 8]},
    "boltzmann": {"model": "boltzmann", "hidden": 4},
}


@pytest.mark.parametrize("kind", RUNS)
def test_a_run_on_a_card_does_what_a_run_does(kind, tmp_path):
    run = hm.fit("digits", steps=60, batch_size=50, seed=1, device="cuda", **RUNS[kind])
    assert run.history[-1]["step"] == 60 * (2 if kind == "dbn" else 1)
    assert run.evaluate()
    assert len(run.sample(5, gibbs_steps=10)) == 5
    run.save(tmp_path / "m.safetensors")
    assert len(hm.Run.open(tmp_path / "m.safetensors").sample(3, gibbs_steps=5)) == 3


@pytest.mark.parametrize("rows", [(hm.Bernoulli(9), 4), (hm.Spin(6), hm.Spin(3)), (hm.Potts([3, 2]), 4)])
def test_likelihoods_on_a_card_are_those_of_the_processor(rows):
    machine = hm.RBM(*rows, generator=0)
    machine.weight.data *= 50
    exact = evaluation.log_partition(machine).value
    card = machine.to("cuda")
    assert abs(evaluation.log_partition(card).value - exact) < 1e-9 * max(1, abs(exact))
    found = evaluation.ais(card, n_betas=300, generator=0)
    assert abs(found.value - exact) < 5 * found.error
    v = card.sample_independent(20, generator=1)
    assert evaluation.mixing(card, v, log_z=found, generator=2).verdict
    assert evaluation.lower_bound(card, v, found, generator=3).verdict
