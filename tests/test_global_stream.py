"""The global streams of torch, numpy and Python stand where they stood after all that the library does.

Every command that a test runs in its own process is held to it by `cli/inside.py`, and every example by
`test_readme.py`.
"""

import random

import numpy as np
import pytest
import torch

from harmonium import CD, DBN, RBM, Bernoulli, CenterGradient, data, evaluation, gibbs_sample, impute, sample, train
from harmonium.sampling import denoise, sample_chain
from harmonium.training import finetune_classifier, to_sequential, updown
from laws import MACHINES, SAMPLERS, machine, rng
from marks import slow_but
from streams import untouched


@pytest.mark.parametrize(
    "draw",
    [
        lambda: torch.rand(1), lambda: np.random.rand(1), random.random, lambda: torch.nn.Linear(2, 2),  # noqa: NPY002
        lambda: torch.manual_seed(0), lambda: RBM(Bernoulli(2), Bernoulli(2)),
    ],
)  # fmt: skip
def test_a_draw_from_a_global_stream_is_seen(draw):
    with pytest.raises(AssertionError, match="global stream has moved"), untouched():
        draw()


@pytest.mark.parametrize("name", slow_but(MACHINES))
def test_training_and_sampling_touch_no_global_stream(name):
    m = machine(name)
    rows = m.sample_independent(40, generator=rng(1))[:, : m.visible.width]
    with untouched():
        optimizer = torch.optim.SGD(m.parameters(), lr=0.001)
        transforms = [CenterGradient()] if "general" not in name else []
        feed = data.batches(rows, 10, generator=rng(2))
        for step in train(m, feed, CD(), optimizer, transforms=transforms, generator=rng(3)):
            if step.index == 3:
                break
        gibbs_sample(m, m.infer(rows, generator=rng(4)), 2, generator=rng(5))
        next(sample_chain(m, 4, 2, generator=rng(6)))
        evaluation.ais(m, rows, n_betas=3, chains=8, burn=1, generator=rng(7))
        known = torch.zeros(m.visible.width, dtype=torch.bool)
        known[m.visible.sites()[0]] = True
        impute(m, rows[:2], known, chains=2, gibbs_steps=20, generator=rng(9))
        denoise(m, rows[:2], 0.1, chains=2, gibbs_steps=20, generator=rng(9))
        evaluation.log_evidence(m, rows, generator=rng(8))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers_touch_no_global_stream(sampler):
    m = machine("bernoulli")
    rows = m.sample_independent(40, generator=rng(1))
    with untouched():
        source = SAMPLERS[sampler](m)
        for _ in range(3):
            source(m, rows, generator=rng(2))


def test_networks_and_classifiers_touch_no_global_stream():
    with untouched():
        g = rng(1)
        layers = [RBM(Bernoulli(6), Bernoulli(5), generator=g), RBM(Bernoulli(5), Bernoulli(4), generator=g)]
        dbn, v = DBN.stack(layers), data.batches(torch.eye(6), 4, generator=g)
        next(updown(dbn, v, torch.optim.SGD(dbn.parameters(), lr=0.01), generator=g))
        net = to_sequential(dbn, 3, generator=g)
        pairs = ((next(v), torch.tensor([0, 1, 2, 0])) for _ in range(2))
        for _ in finetune_classifier(net, pairs, torch.optim.SGD(net.parameters(), lr=0.01)):
            pass
    labeled = machine("labeled")
    with untouched():
        sample(labeled, 2, 4, label=torch.tensor([1, 2]), generator=rng(2))
        evaluation.gibbs_class_probs(labeled, labeled.visible.states()[:4, :3], generator=rng(3))
