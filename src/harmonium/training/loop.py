"""The one training loop."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..arguments import Count, Natural, checked
from ..errors import DivergenceError, InputError
from ..machines import DBN, RBM, Machine
from ..numerics import Seed, distributed, stream
from ..sampling import CD, PCD, Sampler
from ..units import Rows
from .batch import Batch, rows
from .fused import FAR, Fused
from .penalties import Penalty
from .recorded import Recorded
from .transforms import CenterGradient, GradientTransform

LOOKS = 1000  # a run looks at the end of every epoch too
SCHEDULES = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "late": lambda done: min(1.0, 2.0 * (1.0 - done)),
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),
}


@dataclass(frozen=True)
class Step:
    """What one update did: its number from 0, the loss in nats, and the states of both phases, (states, width)."""

    index: int
    loss: Tensor
    positive: Tensor
    negative: Tensor


@checked
def contrastive_loss(machine: Machine, positive: Rows, negative: Rows) -> Tensor:
    """Return mean free_energy(positive) − mean free_energy(negative), a scalar in nats.

    Its gradient is minus that of the mean log-likelihood when the negative states are the model's own (Hinton, 2002),
    in closed form for an `RBM` of Bernoulli, Spin and Potts units.  It is a term like any other: add to it, scale it,
    accumulate over parts of a batch; what does not require a gradient is left alone.

    Args:
        positive: states of the data, (batch, width): rows, completed by ``machine.infer`` where some units are latent.
        negative: states of the model, (chains, width), from a sampler.

    Example:
        >>> import harmonium as hm
        >>> rbm, v = hm.RBM(9, 4), hm.data.bars_and_stripes(3)
        >>> loss = hm.contrastive_loss(rbm, v, hm.CD(k=1)(rbm, v)) + 0.01 * rbm.weight.square().sum()
        >>> loss.backward()
        >>> rbm.weight.grad.shape
        torch.Size([9, 4])
    """
    states = machine.as_states(positive, "positive"), machine.as_states(negative, "negative")
    return machine.contrastive_loss(*(x.reshape(-1, machine.width) for x in states))


@checked
def train(
    machine: Machine,
    batches: Iterable[Batch],
    sampler: Sampler,
    optimizer: Optimizer,
    *,
    transforms: Sequence[GradientTransform] = (),
    penalties: Sequence[Penalty] = (),
    start: Natural = 0,
    generator: Seed = None,
) -> Iterator[Step]:
    """Climb the log-likelihood of the batches, one `Step` at a time; the caller's loop body decides when to stop.

    The loss is `contrastive_loss`.  It measures nothing itself: watch a likelihood instead.

    Args:
        batches: tensors (rows, visible), or tuples or lists as a `DataLoader` gives: the first tensor, and where the
            machine has labels class numbers (rows,) beside it, which are joined one-hot.
        sampler: where negative states come from, such as `CD` (contrastive divergence) or `PCD`.
        transforms: changes of the gradients, such as `CenterGradient`.
        penalties: terms of the loss, called as ``penalty(machine, positive)``.
        start: the number of the first step, for a run that goes on.
        generator: a `torch.Generator` or a seed.

    Raises:
        InputError: when the first batch is none of the machine's rows.
        DivergenceError: when the loss or a gradient is not finite, or the loss is beyond 1e9 nats; other devices than
            the processor are asked every 1,000 steps.

    Example:
        >>> import harmonium as hm, torch
        >>> v = hm.data.bars_and_stripes(3)
        >>> rbm = hm.RBM(9, 4, generator=0).init_from_data(v)
        >>> optimizer = torch.optim.SGD(rbm.parameters(), lr=0.1)
        >>> [step.index for step in hm.train(rbm, [v] * 3, hm.CD(), optimizer, generator=1)]
        [0, 1, 2]
    """
    generator = stream(generator, machine.weights[0].device)
    fused: Fused | Recorded | None = None
    for index, batch in enumerate(batches, start):
        v = rows(batch, machine)
        known = index > start and isinstance(v, Tensor)
        v = (v if known else machine.as_rows(v, "the batch", whole=True)).detach()
        fused = in_few_calls(machine, sampler, transforms, penalties, optimizer, v) if index == start else fused
        made = fused if fused is not None and fused.fits(v) else None
        if made:
            positive, (loss, negative, finite) = v, made.descend(v, generator)
        else:
            forget(machine, optimizer)
            positive = machine.infer(v, generator=generator)
            negative = sampler(machine, positive, generator=generator)
            loss = machine.descend(positive, negative)  # contrastive_loss(machine, positive, negative).backward()
        for term in [penalty(machine, positive) for penalty in penalties]:
            if term.requires_grad:  # not where all that it looks at is frozen
                term.backward()
        distributed.average(loss, machine.parameters())
        rest = transforms[1:] if made and made.center else transforms
        for transform in rest:
            transform(machine, positive, negative)
        if not made or not finite or rest or penalties:
            check_finite(machine, loss, index)
        optimizer.step()
        yield Step(index, loss, positive, negative)


def in_few_calls(
    machine: Machine,
    sampler: Sampler,
    transforms: Sequence[GradientTransform],
    penalties: Sequence[Penalty],
    optimizer: Optimizer,
    v: Tensor,
) -> Fused | Recorded | None:
    """Return what makes the gradients of all updates in a few calls, or nothing where each is made by itself."""
    if type(machine) is not RBM or not (type(sampler) is CD or type(sampler) is PCD) or distributed.count() > 1:
        return None
    first = transforms[0] if transforms and not penalties else None
    center = first if type(first) is CenterGradient else None
    return Recorded.of(machine, sampler, center) if v.is_cuda else Fused.of(machine, sampler, center, optimizer, v)


def forget(machine: Machine, optimizer: Optimizer) -> None:
    """Drop the gradients of a machine, and of what else the optimizer moves; `Optimizer.zero_grad` takes its time."""
    for parameter in itertools.chain(machine.parameters(), *(group["params"] for group in optimizer.param_groups)):
        parameter.grad = None


def check_finite(machine: Machine | DBN, loss: Tensor, index: int) -> None:
    """Raise `DivergenceError` unless the loss is finite and below `FAR`, and all gradients are finite.

    A card is waited for once in `LOOKS` steps alone: what is not finite stays so.
    """
    if not loss.is_cpu and (index + 1) % LOOKS:
        return
    gradients = [p.grad.sum() for p in machine.parameters() if p.grad is not None]  # not finite if any entry is not
    near = abs(float(loss)) < FAR  # false for NaN too
    if near and all(map(math.isfinite, torch.stack(gradients).tolist())):
        return
    largest = max(float(weight.detach().abs().max()) for weight in machine.weights)
    cause = "a gradient is not finite" if near else f"the loss is {float(loss):.3g}"
    raise DivergenceError(
        f"training diverged at step {index}: {cause}, largest weight {largest:.3g}; "
        "lower the learning rate or clip the gradient"
    )


@checked
def schedule(optimizer: Optimizer, shape: str, steps: Count, *, done: Natural = 0) -> "Schedule":
    """Return a scheduler that holds the learning rate, or takes it to zero over ``steps`` steps.

    ``shape`` is ``constant``, ``linear``, ``late`` (linear over the second half) or ``cosine``; call ``.step()`` after
    every update.  ``done`` steps count as taken, for a run that goes on.

    Example:
        >>> import harmonium as hm, torch
        >>> optimizer = torch.optim.SGD(hm.RBM(9, 4).parameters(), lr=0.1)
        >>> scheduler = hm.schedule(optimizer, "linear", 100, done=50)
        >>> optimizer.param_groups[0]["lr"]
        0.05
    """
    if shape not in SCHEDULES:
        raise InputError(f"the schedule is {shape!r}: give one of {', '.join(SCHEDULES)}")
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
    return Schedule(optimizer, shape, steps, done)


class Schedule(LRScheduler):
    """A scheduler that follows one of the `SCHEDULES` from each group's ``initial_lr``, which may change on the way."""

    def __init__(self, optimizer: Optimizer, shape: str, steps: int, done: int):
        self.shape, self.steps = SCHEDULES[shape], steps
        super().__init__(optimizer, last_epoch=done - 1)

    def get_lr(self) -> list[float | Tensor]:
        """Return the rate of every group."""
        share = self.shape(min(self.last_epoch / self.steps, 1.0))
        return [group["initial_lr"] * share for group in self.optimizer.param_groups]
