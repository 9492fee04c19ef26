"""The optimizers of a run: torch's own numbers, without torch's compiler."""

import subprocess
import sys

import pytest
import torch

from harmonium import RBM
from harmonium.training import SGD, Adam, schedule

CASES = {
    "sgd": (SGD, torch.optim.SGD, {}),
    "sgd with momentum": (SGD, torch.optim.SGD, {"momentum": 0.75}),
    "adam": (Adam, torch.optim.Adam, {"betas": (0.8, 0.999)}),
}


def moved(kind, settings, updates=6, cut=None):
    """Return the parameters after some updates under a schedule, perhaps by way of a saved state, and the memory."""
    rbm, g = RBM(5, 3, generator=0), torch.Generator().manual_seed(1)
    optimizer = kind(rbm.parameters(), lr=0.1, **settings)
    scheduler = schedule(optimizer, "linear", updates)
    for step in range(updates):
        if step == cut:
            held, optimizer = optimizer.state_dict(), kind(rbm.parameters(), lr=7.0, **settings)
            optimizer.load_state_dict(held)
            scheduler = schedule(optimizer, "linear", updates, done=step)
        for parameter in rbm.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=g)
        rbm.hidden.bias.grad = None if step == 2 else rbm.hidden.bias.grad  # frozen for a while
        optimizer.step()
        scheduler.step()
    memory = [x for kept in optimizer.state_dict()["state"].values() for x in kept.values() if x is not None]
    return [parameter.detach() for parameter in rbm.parameters()], memory


@pytest.mark.parametrize("cut", [None, 3])
@pytest.mark.parametrize("case", CASES)
def test_moves_are_those_of_torch_to_the_bit(case, cut):
    own, torchs, settings = CASES[case]
    for found, expected in zip(moved(own, settings, cut=cut), moved(torchs, settings), strict=True):
        assert len(found) == len(expected)
        assert all(torch.equal(x, y) for x, y in zip(found, expected, strict=True))


@pytest.mark.slow
def test_a_training_imports_no_compiler(tmp_path):
    code = (
        "import sys, harmonium as hm\n"
        "for word in ('sgd', 'adam'):\n"
        f"    hm.fit('digits', hidden=4, steps=3, optimizer=word, out='{tmp_path}/' + word)\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
