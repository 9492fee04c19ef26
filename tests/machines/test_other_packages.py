"""What another implementation says of the same machines."""

import numpy as np
import pytest
import torch
from sklearn.neural_network import BernoulliRBM

from harmonium import RBM, Bernoulli
from laws import rng


@pytest.mark.parametrize("seed", range(20))
def test_free_energies_and_hidden_means_are_those_of_scikit_learn(seed):
    width, hidden = 3 + seed, 2 + seed % 7
    m = RBM(Bernoulli(width), Bernoulli(hidden)).double().requires_grad_(False)
    for p in m.parameters():
        p.normal_(0, 1.5, generator=rng(seed))
    v = (torch.rand(50, width, generator=rng(seed + 100)) < 0.5).double()
    other = BernoulliRBM(hidden)
    other.components_ = m.weight.T.numpy()
    other.intercept_visible_, other.intercept_hidden_ = m.visible.bias.numpy(), m.hidden.bias.numpy()
    np.testing.assert_allclose(m.free_energy(v).numpy(), other._free_energy(v.numpy()), rtol=1e-10)
    np.testing.assert_allclose(m.hidden_means(v)[0].numpy(), other._mean_hiddens(v.numpy()), rtol=1e-10)
