"""The machine that is left where some of its hidden units are held."""

import copy
from collections.abc import Mapping

import torch

from .bipartite import Bipartite


@torch.no_grad()
def holding(machine: Bipartite, held: Mapping[int, float]) -> Bipartite:
    """Return the machine of all other units, given that columns of the odd row stay at values: ``{column: value}``.

    p(x | yⱼ = a) has the fields of x moved by a·Wⱼ and no coupling to unit j.  Of a site of several columns (Potts) all
    are held together.

    Example:
        >>> import harmonium as hm
        >>> rbm = hm.RBM(6, 4, generator=0)
        >>> still = hm.machines.holding(rbm, {2: 1.0})
        >>> bool((still.visible.bias == rbm.weight[:, 2]).all())
        True
    """
    made = copy.deepcopy(machine).requires_grad_(False)
    y = machine.odd.zero_field()
    y[list(held)] = y.new_tensor(list(held.values()))
    parts = made.even.components()
    for part, field in zip(parts, machine.down(y).split([part.width for part in parts]), strict=True):
        part.bias.add_(field)
    free = torch.ones_like(y)
    free[list(held)] = 0.0
    for i, piece in enumerate(free.split([layer.width for layer in made.layers[1::2]])):
        below, *above = made.weights[2 * i : 2 * i + 2]
        below.mul_(piece)
        for weight in above:
            weight.mul_(piece[:, None])
    return made
