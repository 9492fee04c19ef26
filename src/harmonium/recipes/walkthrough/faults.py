"""The two faults of the printed class, measured before and after they are mended."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from ... import data, evaluation
from ...numerics import categorical
from ...progress import Progress
from ..common.small_machines import chances, kernel, tiny, total_variation, visible_odds_of
from ..common.steps import Settings, checkpoints, stream
from .article import Mended, Printed, as_machine, from_machine

KINDS: dict[str, type[Printed]] = {"printed": Printed, "mended": Mended}
FIELDS = (-20.0, -2.0, 0.0, 10.0, 50.0, 88.0, 89.0, 100.0)
FAR = 2**20


def clamped(field: Tensor) -> Tensor:
    """Return what the printed class takes for a probability."""
    return field.clamp(0, 1)


ODDS: dict[str, Callable[[Tensor], Tensor]] = {"printed": clamped, "mended": torch.sigmoid}


@torch.no_grad()
def one_draw(visible: int, hidden: int, seed: int) -> dict[str, Any]:
    """Return, for one hidden state, the field on each visible unit and the two probabilities made of it.

    Also the total variation between p(x | h) and what the printed class draws from, averaged over the model's own h.
    """
    machine = tiny(visible, hidden, seed)
    x, h = machine.visible.states(), machine.hidden.states()
    fields = machine.visible.bias + machine.down(h)
    made = {name: chances(odds(fields), x) for name, odds in ODDS.items()}
    weights = torch.softmax(machine.visible.cgf(machine.down(h)) - machine.hidden.energy(h), 0)
    apart = 0.5 * (made["printed"] - made["mended"]).abs().sum(1)
    rows = [[float(f), float(clamped(f)), float(torch.sigmoid(f))] for f in fields[-2]]
    return {"hidden": h[-2].int().tolist(), "fields": rows, "total_variation": float(weights @ apart)}


@torch.no_grad()
def started_exact(visible: int, hidden: int, draws: int, seed: int) -> dict[str, Any]:
    """Return what becomes of the exact distribution under one Gibbs step, and under very many, of each class.

    ``chi_square`` compares ``draws`` states made by the class's own code with their exact probabilities.
    """
    machine = tiny(visible, hidden, seed)
    x, p = machine.visible.states(), visible_odds_of(machine)
    begin = x[categorical(p, draws, generator=stream(seed, 6))]
    found: dict[str, Any] = {"states": len(x), "draws": draws}
    place = 2 ** torch.arange(visible - 1, -1, -1)
    for name, kind in KINDS.items():
        step = kernel(machine, ODDS[name])
        drawn, _ = from_machine(kind, machine, 1)(begin, generator=stream(seed, 7))
        counts = torch.bincount((drawn.long() * place).sum(1), minlength=len(x))
        found[name] = {
            "one_step": total_variation(p @ step, p),
            "many_steps": total_variation(p @ torch.linalg.matrix_power(step, FAR), p),
            "chi_square": float(((counts - draws * p) ** 2 / (draws * p)).sum()),
        }
    return found


@torch.no_grad()
def first_negatives(width: int, units: int, draws: int, seed: int) -> dict[str, float]:
    """Return the share of ones in the first negative states of each class, at the article's own start."""
    shares = {}
    for name, kind in KINDS.items():
        model = kind(width, units, 1, generator=stream(seed, 1))
        begin = torch.bernoulli(torch.full((draws, width), 0.5), generator=stream(seed, 6))
        shares[name] = float(model(begin, generator=stream(seed, 7))[0].mean())
    return shares


def learn(kind: type[Printed], settings: Settings, k: int, seed: int, progress: Progress, label: str) -> dict[str, Any]:
    """Train one class on bars and stripes by plain gradient descent on mean F(x) − mean F(x_negative).

    Returns the exact log-likelihood at checkpoints and the trained class; the run ends where the loss is not finite.
    """
    v = data.bars_and_stripes(settings["sides"])
    model = kind(v.shape[1], settings["units"], k, generator=stream(seed, 1))
    optimizer, rng = torch.optim.SGD(model.parameters(), lr=settings["rate"]), stream(seed, 3)
    due = set(checkpoints(settings["updates"], settings["points"]))
    updates, values = [0], [exact(model, v)]
    for done in progress(range(1, settings["updates"] + 1), label):
        negative, _ = model(v, generator=rng)
        loss = model.free_energy(v).mean() - model.free_energy(negative).mean()
        if not math.isfinite(float(loss.detach())):
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if done in due:
            updates.append(done)
            values.append(exact(model, v))
    return {"updates": updates, "values": values, "model": model}


def exact(model: Printed, v: Tensor) -> float:
    """Return the exact mean log-likelihood of ``v``, in nats a row, under the density of a class."""
    machine = as_machine(model)
    return evaluation.log_likelihood(machine, v, evaluation.log_partition(machine)).value


@torch.no_grad()
def drawn(model: Printed, settings: Settings, seed: int) -> tuple[float, float, Tensor]:
    """Run a class's own chains for ``chain_steps`` Gibbs steps from coin flips, and measure where they end.

    Returns the share that shows a bar or a stripe, the total variation between all and the data, and the states.
    """
    patterns, rng = data.bars_and_stripes(settings["sides"]), stream(seed, 8)
    x = torch.bernoulli(torch.full((settings["chains"], settings["sides"] ** 2), 0.5), generator=stream(seed, 6))
    for _ in range(-(-settings["chain_steps"] // model.k)):
        x, _ = model(x, generator=rng)
    shares = (x[:, None, :] == patterns).all(-1).double().mean(0)
    found = float(shares.sum())
    return found, 0.5 * float((shares - 1 / len(patterns)).abs().sum() + 1 - found), x


def one_update(width: int = 100) -> dict[str, float]:
    """Return the share of parameters that are still finite after one update, all pixels on and every weight 1."""
    shares = {}
    for name, kind in KINDS.items():
        model, v = kind(width, 1, 1), torch.ones(1, width)
        with torch.no_grad():
            model.W.fill_(1.0)
            assert float(linear(v, model.W, model.b)) == width
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        loss = model.free_energy(v).mean() - model.free_energy(model(v, generator=stream(0, 7))[0]).mean()
        loss.backward()
        optimizer.step()
        parts = torch.cat([p.detach().flatten() for p in model.parameters()])
        shares[name] = float(parts.isfinite().float().mean())
    return shares
