"""The same seed in a fresh process gives the same bytes: every machine with every sampler."""

import hashlib
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import torch

from harmonium import CenterGradient, train

sys.path.insert(0, str(Path(__file__).parents[1]))
from laws import SAMPLERS, machine, rng

DATASETS = ("bernoulli", "potts", "gaussian visible", "three layers", "general", "labeled")
CASES = list(product(DATASETS, SAMPLERS))


def digest(name, sampler):
    """Train a machine for a while, in float32, and return the hash of its bytes."""
    m, g = machine(name).float(), rng(2)
    rows = m.sample_independent(40, generator=g)[:, : m.visible.width]
    optimizer = torch.optim.SGD(m.parameters(), lr=0.05, momentum=0.5)
    transforms = [CenterGradient()] if "general" not in name else []
    feed = (rows[torch.randperm(40, generator=g)[:10]] for _ in iter(int, 1))
    for step in train(m, feed, SAMPLERS[sampler](m), optimizer, transforms=transforms, generator=g):
        if step.index == 200:
            break
    return hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in m.parameters())).hexdigest()


def in_a_fresh_process(case, salt):
    environment = {**os.environ, "PYTHONHASHSEED": str(salt)}
    words = [sys.executable, __file__, *case]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_a_fresh_process_gives_the_bytes_of_this_one():
    assert in_a_fresh_process(CASES[4], 1).strip() == digest(*CASES[4])


@pytest.mark.whole
@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_three_fresh_processes_give_the_same_bytes(case):
    found = {in_a_fresh_process(case, salt) for salt in (0, 1, 2)}
    assert len(found) == 1


if __name__ == "__main__":
    print(digest(*sys.argv[1:]))
