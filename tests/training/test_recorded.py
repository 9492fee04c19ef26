"""Updates played back on a graphics card are those made one by one, to the bit."""

import pytest
import torch

import harmonium as hm
from harmonium import CD, PCD, RBM, CenterGradient
from harmonium.numerics import products, stream
from harmonium.training import SGD, recorded

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="wants a graphics card")
STEPS = 12


def learned(sampler, center, precision, spoil=lambda *_: None):
    """Return all tensors after some updates: parameters, chains, losses and negative states."""
    place = torch.device("cuda")
    v = torch.bernoulli(torch.full((64, 40), 0.3), generator=stream(0)).to(place)
    rbm = RBM(40, 24, generator=0, device=place)
    source = CD(2) if sampler == "CD" else PCD(rbm.sample_independent(32, generator=5), 2)
    optimizer = SGD(rbm.parameters(), lr=0.1, momentum=0.5)
    rates = hm.schedule(optimizer, "linear", STEPS)
    feed = hm.data.batches(v, 16, generator=stream(1, place))
    loop = hm.train(rbm, feed, source, optimizer, transforms=[CenterGradient()] * center, generator=stream(2, place))
    seen = []
    for _ in range(STEPS):
        with products(precision, place):
            seen.append(next(loop))
        rates.step()
        spoil(rbm, source, len(seen))
    return [*rbm.state_dict().values(), *source.state_dict().values(), *[x for s in seen for x in (s.loss, s.negative)]]


def other_chains(rbm, source, step):
    """Start the chains anew in the midst of the training, and take the gradients away."""
    rbm.zero_grad()
    if step == 7 and isinstance(source, PCD):
        source.chains = torch.zeros_like(source.chains)


@pytest.mark.parametrize("spoil", [lambda *_: None, other_chains])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("sampler", ["CD", "PCD"])
def test_updates_played_back_are_those_made_one_by_one(sampler, center, precision, spoil, monkeypatch):
    count, record = [], recorded.Recorded._record
    monkeypatch.setattr(recorded.Recorded, "_record", lambda *given: count.append(1) or record(*given))
    found = learned(sampler, center, precision, spoil)
    assert count
    monkeypatch.setattr(recorded, "EAGER", STEPS)
    expected = learned(sampler, center, precision, spoil)
    assert all(torch.equal(x, y) for x, y in zip(found, expected, strict=True))
