"""A machine given conditions on its visible units: some values, or numbers of some range."""

import copy
from collections.abc import Sequence

import torch

from ..arguments import checked
from ..errors import InputError
from ..machines import Machine
from ..units import Condition, Units, restricted


@checked
@torch.no_grad()
def condition(machine: Machine, conditions: Sequence[Condition]) -> Machine:
    """Return the machine whose density is that of ``machine`` where the ``conditions`` hold, and 0 elsewhere.

    Given the hidden units a visible unit takes only the values that are left to it, so that its Gibbs steps are those
    of the conditional distribution itself, in blocks, and no draw is thrown away; a condition that leaves one value
    clamps it.  Gaussian units are drawn within their range by the inverse of their distribution function, far tails
    included (Robert, 1995).

    Args:
        conditions: each a `Condition` on one site: among values, (values, columns of the site), or from low to high.

    Raises:
        InputError: where conditions leave a site no value, or are on columns of no site.

    Example:
        >>> import harmonium as hm, torch
        >>> rbm, odd = hm.RBM(hm.Binomial(2, 5), 4, generator=0), torch.tensor([[1.0], [3.0], [5.0]])
        >>> machine = hm.sampling.condition(rbm, [hm.sampling.Condition(torch.tensor([0]), odd)])
        >>> sorted(set(hm.sample(machine, 50, 10, generator=0)[:, 0].tolist()))
        [1.0, 3.0, 5.0]
    """
    replaced: dict[int, Units] = {}
    first, left = 0, list(conditions)
    for leaf in machine.visible.components():
        own = [one for one in left if first <= int(one.columns[0]) < first + leaf.width]
        left = [one for one in left if all(one is not other for other in own)]
        if own:
            moved = [one._replace(columns=one.columns - first) for one in own]
            replaced[id(leaf)] = restricted(copy.deepcopy(leaf), moved)
        first += leaf.width
    if left:
        raise InputError(f"a condition is on column {int(left[0].columns[0])} where the machine has {first}: drop it")
    return copy.deepcopy(machine, dict(replaced)).requires_grad_(False)
