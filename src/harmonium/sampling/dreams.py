"""Drawing rows of a given label."""

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot, pad

from ..errors import InputError
from ..machines import DBN, Machine
from ..numerics import Seed, stream

Progress = Callable[[range], Iterable[int]]


def sample_label(
    model: Machine | DBN,
    label: Tensor,
    gibbs_steps: int = 1000,
    *,
    progress: Progress = iter,
    generator: Seed = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield after each Gibbs step visible rows of the class numbers ``label``, (rows,), drawn and as means, labels left out.

    The label stays clamped.  In a `DBN` the chain runs in the top RBM and a pass down ends each Gibbs step, by means in the
    lowest layer, whose draw is the mean then (Hinton, Osindero & Teh, 2006, §7).

    Raises `InputError` for a machine without labels.
    """
    machine = model.top if isinstance(model, DBN) else model
    generator = stream(generator, machine.weights[0].device)
    labels, first = machine.labels, machine.visible.width - machine.labels
    if not labels:
        raise InputError("the machine has no label units to clamp: train it with labels, or let its chains wander")
    mark = one_hot(label, labels).to(machine.weights[0])
    clamped = torch.zeros(machine.width, dtype=torch.bool, device=mark.device)
    clamped[first : first + labels] = True
    x = machine.sample_independent(len(label), generator=generator)
    x = torch.where(clamped, pad(mark, (first, machine.width - first - labels)), x)
    return _chain(model, x, clamped, progress(range(gibbs_steps)), generator)


def sample_chain(
    model: Machine | DBN,
    count: int,
    gibbs_steps: int = 1000,
    *,
    progress: Progress = iter,
    generator: Seed = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield after each Gibbs step ``count`` visible rows, drawn and as means, of chains that nothing clamps.

    They start without couplings.  In a `DBN` they run in the top RBM, as in `sample_label`.
    """
    machine = model.top if isinstance(model, DBN) else model
    generator = stream(generator, machine.weights[0].device)
    x = machine.sample_independent(count, generator=generator)
    return _chain(model, x, None, progress(range(gibbs_steps)), generator)


@torch.no_grad()
def _chain(
    model: Machine | DBN, x: Tensor, clamped: Tensor | None, steps: Iterable[int], generator: Generator | None
) -> Iterator[tuple[Tensor, Tensor]]:
    machine = model.top if isinstance(model, DBN) else model
    first = machine.visible.width - machine.labels
    for _ in steps:
        x, mean = machine.gibbs_with_means(x, clamped, generator=generator)
        if isinstance(model, DBN) and len(model.layers):
            below = model.generate(x[..., :first], generator=generator)[0]
            yield below, below
        else:
            yield x[..., :first], mean[..., :first]
