"""What a model without any weights reaches: the figure that stands beside every likelihood."""

import copy

import torch
from torch import Tensor

from ..arguments import checked
from ..units import Units


@checked
@torch.no_grad()
def baseline_log_likelihood(units: Units, train: Tensor | None, test: Tensor) -> float:
    """Return the mean log-likelihood of ``test`` in nats a row under independent units fitted to ``train``.

    Both are (rows, width); without ``train`` the units are taken as they are.  On MNIST thresholded at > 127 this is
    −205.85 for Bernoulli units.
    """
    alone = copy.deepcopy(units).double()
    if train is not None:
        alone.init_from_data(train)
    return float(-alone.energy(test.double()).mean() - alone.cgf(alone.zero_field()))
