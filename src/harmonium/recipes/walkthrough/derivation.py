"""Every formula of the derivation, both sides of it, on a machine whose states can all be listed.

A row is (what, left side, right side); where a row speaks of all states at once, it gives the pair that differs most.
"""

import math

import torch
from torch import Tensor

from ... import evaluation
from ...machines import RBM
from ...units import Bernoulli, Units
from ..common.small_machines import chances, data_means, kernel, log_z, model_means, slopes, tiny, visible_odds_of
from ..common.steps import stream

Row = tuple[str, float, float]
GIBBS = (1, 2, 5, 10, 20, 50, 100)


@torch.no_grad()
def checks(visible: int, hidden: int, rows: int, seed: int) -> dict[str, list[Row]]:
    """Return the rows of every step: energy, joint, conditionals, free energy, likelihood and its gradient."""
    machine = tiny(visible, hidden, seed)
    x, h = machine.visible.states(), machine.hidden.states()
    energies = -(h @ machine.weight.mT @ x.mT).mT - (x @ machine.visible.bias)[:, None] - h @ machine.hidden.bias
    weights = torch.exp(-energies)  # of every joint state: (states of x, states of h)
    v = machine.sample_independent(rows, generator=stream(seed, 5))
    return {
        "energy": energy(machine, x, h, energies),
        "joint": joint(machine, weights),
        "hidden": conditional("h", "x", machine.hidden, machine.up(x), h, weights),
        "visible": conditional("x", "h", machine.visible, machine.down(h), x, weights.mT),
        "free": free(machine, x, weights),
        "likelihood": likelihood(machine, v, x, weights),
        "gradient": gradient(machine, v),
    }


def bits(state: Tensor) -> str:
    """Return a state as a word of 0 and 1."""
    return "".join(str(int(bit)) for bit in state)


def worst(what: str, left: Tensor, right: Tensor) -> Row:
    """Return the pair that differs most."""
    at = int((left - right).abs().argmax())
    return f"{what}: the worst of {left.numel()}", float(left.flatten()[at]), float(right.flatten()[at])


def energy(machine: RBM, x: Tensor, h: Tensor, energies: Tensor) -> list[Row]:
    """Compare the article's three sums with the machine's energy."""
    ours = machine.energy(x.repeat_interleave(len(h), 0), h.repeat(len(x), 1)).view_as(energies)
    first = f"E(x = {bits(x[-2])}, h = {bits(h[-3])})", float(energies[-2, -3]), float(ours[-2, -3])
    return [first, worst("E over all joint states", energies, ours)]


def joint(machine: RBM, weights: Tensor) -> list[Row]:
    """Compare the sum over all joint states with the sum over hidden states alone."""
    found = evaluation.log_partition(machine).value
    what = f"log Z from all {weights.numel()} joint states, and from {weights.shape[1]} hidden ones"
    total = "sum of p(x, h) over all joint states, and 1", float(weights.sum()) / math.exp(found), 1.0
    return [(what, float(weights.sum().log()), found), total]


def conditional(of: str, given: str, units: Units, fields: Tensor, states: Tensor, weights: Tensor) -> list[Row]:
    """Compare Bayes' rule on the listed joint, ``weights`` (states given, states of), with the product of sigmoids."""
    bayes, p = weights / weights.sum(1, keepdim=True), torch.sigmoid(units.bias + fields)
    one = bayes @ states  # the probability that each unit is 1
    return [
        (f"p({of}₁ = 1 | {given}), one state of {given}", float(one[-2, 0]), float(p[-2, 0])),
        worst(f"p({of}ⱼ = 1 | {given}) over all units and states", one, p),
        worst(f"p({of} | {given}) over all pairs of states", bayes, chances(p, states)),
    ]


def free(machine: RBM, x: Tensor, weights: Tensor) -> list[Row]:
    """Compare −log of the sum over hidden states with the closed form."""
    summed, closed = -weights.sum(1).log(), machine.free_energy(x)
    p = weights.sum(1) / weights.sum()
    return [
        (f"F(x = {bits(x[-2])})", float(summed[-2]), float(closed[-2])),
        worst("F over all visible states", summed, closed),
        worst("p(x) = Σₕ p(x, h) over all visible states", p, visible_odds_of(machine)),
    ]


def likelihood(machine: RBM, v: Tensor, x: Tensor, weights: Tensor) -> list[Row]:
    """Compare the listed −log p of the rows with mean free energy + log Z."""
    p, at = weights.sum(1) / weights.sum(), (v[:, None, :] == x).all(-1).double().argmax(1)
    closed = float(machine.free_energy(v).mean() + log_z(machine))
    return [("NLL, mean of the rows", float(-p[at].log().mean()), closed)]


def gradient(machine: RBM, v: Tensor) -> list[Row]:
    """Compare central differences of the NLL with the negative phase minus the positive one."""
    measured = slopes(machine, lambda: machine.free_energy(v).mean() + log_z(machine))
    sides = zip(("∂NLL/∂W", "∂NLL/∂c", "∂NLL/∂b"), measured, model_means(machine), data_means(machine, v), strict=True)
    return [worst(f"{name}, of its entries", left, model - rows) for name, left, model, rows in sides]


@torch.no_grad()
def contrastive_bias(visible: int, hidden: int, pull: float = 1.5) -> list[tuple[int, float]]:
    """Return, by k, how far the mean direction of CD-k in W is from the true gradient, in units of the gradient's size.

    The machine likes all units off as much as all units on, and little in between; the data are the first of these.
    The distribution after k steps is the kernel's k-th power: no draws, no noise.
    """
    machine = RBM(Bernoulli(visible), Bernoulli(hidden)).double()
    machine.weight.fill_(pull)
    machine.visible.bias.fill_(-pull * hidden / 2)
    machine.hidden.bias.fill_(-pull * visible / 2)
    x, model = machine.visible.states(), model_means(machine)[0]
    size = float((data_means(machine, x[:1])[0] - model).norm())
    features = (x[:, :, None] * machine.hidden.mean(machine.up(x))[:, None, :]).flatten(1)
    step = kernel(machine, torch.sigmoid)
    after = (torch.linalg.matrix_power(step, k)[0] for k in GIBBS)
    return [(k, float((p @ features - model.flatten()).norm()) / size) for k, p in zip(GIBBS, after, strict=True)]
