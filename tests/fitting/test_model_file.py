"""What a model file keeps beside the model."""

import torch

import harmonium as hm
from harmonium.fitting.mixing import states


def test_the_last_chains_of_a_run_are_in_its_file(tmp_path):
    run = hm.fit("digits", hidden=8, epochs=1, seed=1, sampler="pcd", out=tmp_path / "run")
    back = hm.load(tmp_path / "run" / "model.safetensors")
    assert run.chains is not None
    assert torch.equal(back.chains, run.chains)
    assert torch.equal(states(back, 7), run.chains[:7])
