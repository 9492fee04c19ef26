"""Machines whose visible row ends in a softmax label."""

import torch
from torch import Tensor

from ..errors import InputError
from .base import Machine
from .bipartite import Bipartite


def label_log_probs(machine: Machine, v: Tensor) -> Tensor:
    """Return log p(v, label) + log Z of every label, (..., columns without the label) → (..., labels).

    Exact where nothing is latent: −free energy, for the price of one pass up and a sum a label (Larochelle & Bengio,
    2008); else the variational bound.  Softmax gives p(label | v).

    Raises `InputError` for a machine without labels.
    """
    count = machine.visible.labels
    if not count:
        raise InputError("the machine has no label units: train it with labels, on data that have them")
    marks = torch.eye(count, dtype=v.dtype, device=v.device)
    joined = [torch.cat([v, mark.expand(*v.shape[:-1], count)], -1) for mark in marks]
    if machine.latent or not isinstance(machine, Bipartite):
        return torch.stack([machine.elbo(x) for x in joined], -1)
    blank = machine.up(torch.cat([v, v.new_zeros(*v.shape[:-1], count)], -1))
    lifts = machine.up(torch.cat([marks.new_zeros(count, v.shape[-1]), marks], -1))
    scores = [machine.odd.cgf(blank + lift) - machine.even.energy(x) for x, lift in zip(joined, lifts, strict=True)]
    return torch.stack(scores, -1)


def evidence(machine: Machine, v: Tensor) -> Tensor:
    """Return log p(v) + log Z of visible rows, or a lower bound on it; a label that ``v`` lacks is summed out."""
    whole = v.shape[-1] == machine.visible.width
    return machine.elbo(v) if whole else label_log_probs(machine, v).logsumexp(-1)
