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
    if bool(test.isnan().any()):
        return _of_known(alone, test.double())
    return float(-alone.energy(test.double()).mean() - alone.cgf(alone.zero_field()))


def _of_known(alone: Units, test: Tensor) -> float:
    """Return the same of rows of which some sites are NaN, which are left out."""
    total = test.new_zeros(len(test))
    for columns in alone.sites():
        site, here = alone.select(columns), test[:, columns]
        own = -site.energy(here.nan_to_num()) - site.cgf(site.zero_field())
        total += torch.where(here.isnan().any(-1), 0.0, own)
    return float(total.mean())
