"""Batches as torch's own loader gives them, and seeds in place of generators."""

import re

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot
from torch.utils.data import DataLoader, TensorDataset

from harmonium import CD, DBN, RBM, Bernoulli, Concat, InputError, Potts, SigmoidBeliefLayer, train
from harmonium.data import Dataset
from harmonium.training import updown
from harmonium.training.batch import rows
from laws import machine, rng


def dataset(labels):
    table = np.arange(24, dtype=np.uint8).reshape(8, 3) * 10
    return Dataset("x", "train", table, 255, (3,), labels, "memory", np.arange(8)[::-1].copy())


def test_a_data_set_gives_rows_to_a_loader():
    held = dataset(None)
    assert torch.equal(torch.stack([held[i] for i in range(8)]), held.tensor())
    assert torch.equal(torch.cat(list(DataLoader(held, 3))), held.tensor())
    assert torch.equal(held[-1], held.tensor()[-1])
    with pytest.raises(IndexError):
        held[8]


def test_labels_come_beside_the_rows():
    held = dataset(np.arange(8))
    (first, numbers), (second, _) = DataLoader(held, 4)
    assert torch.equal(torch.cat([first, second]), held.tensor())
    assert (numbers.dtype, numbers.tolist()) == (torch.int64, [0, 1, 2, 3])


def trained(batches):
    m = RBM(Concat(3, Potts(1, 4)), 5, generator=1)
    steps = list(train(m, batches, CD(), torch.optim.SGD(m.parameters(), lr=0.1), generator=2))
    return [step.positive for step in steps], m.weight.detach()


def test_a_loader_trains_as_whole_rows_do():
    """Class numbers are joined one-hot where they are missing, and left alone where they are not."""
    v, label = (torch.rand(8, 3, generator=rng()) < 0.5).float(), torch.arange(8) % 4
    whole = torch.cat([v, one_hot(label, 4).float()], -1)
    seen, weight = trained(whole.split(2))
    for given in (TensorDataset(v, label), TensorDataset(whole), TensorDataset(whole, label, label)):
        found, learned = trained(DataLoader(given, 2))
        assert all(torch.equal(a, b) for a, b in zip(found, seen, strict=True))
        assert torch.equal(learned, weight)


def test_a_machine_without_labels_leaves_them_alone():
    m, v = machine("bernoulli"), torch.ones(2, 4)
    assert rows((v, torch.arange(2)), m) is v
    assert rows([v], m) is v
    assert rows((v, torch.ones(2)), machine("labeled")) is v


def test_networks_take_class_numbers_too():
    dbn = DBN(SigmoidBeliefLayer(3, 2), top=RBM(Concat(Bernoulli(2), Potts(1, 4)), 3))
    v, label = torch.ones(2, 3), torch.arange(2)
    assert torch.equal(rows((v, label), dbn), torch.cat([v, torch.eye(4)[:2]], -1))
    optimizer = torch.optim.SGD(dbn.parameters(), lr=0.1)
    assert len(list(updown(dbn, [(v, label)] * 2, optimizer, generator=3))) == 2


def test_what_is_no_batch_is_refused():
    m = RBM(Concat(3, Potts(1, 2)), 5)
    optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
    for batch, says in (
        ([], "(0,)"),
        ([[1.0]], "(1, 1)"),
        ({"v": torch.ones(2, 5)}, "a dict"),
        ((np.ones((2, 5)),), "(1, 2, 5)"),
    ):
        with pytest.raises(InputError, match=re.escape(says)):
            next(train(m, [batch], CD(), optimizer))
    with pytest.raises(InputError, match="labels 0 to 2 where 0 to 1"):
        next(train(m, [(torch.ones(2, 3), torch.tensor([0, 2]))], CD(), optimizer))
