"""What a training has to say at its end beside its figures: what went wrong, and what to do."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..evaluation import baseline_log_likelihood, weight_norm
from ..machines import DBN, Machine
from . import state

if TYPE_CHECKING:
    from .trainer import Trainer

CUT = 8  # times smaller than asked for, from which on a learning rate is spoken of
BELOW = 0.01  # the share of the likelihood at the start by which one must end lower to be told
GROWN, FIRST = 2.0, 0.01  # times the norm of first weights, each of deviation 0.01, that weights that learned have


def remarks(trainer: "Trainer") -> list[str]:
    """Return a sentence for each thing that whoever reads the result of a training must know."""
    return [*changed(trainer), *rate_cut(trainer), *not_learned(trainer), *below_start(trainer)]


def changed(trainer: "Trainer") -> Iterator[str]:
    """Say that settings were others at first, so that the same settings do not give the same run."""
    steps = [str(event["step"]) for event in trainer.events if event["event"] == "changed"]
    if steps:
        yield f"settings were changed while it ran, at step {', '.join(steps)}: events.jsonl tells which"


def rate_cut(trainer: "Trainer") -> Iterator[str]:
    """Say that the learning rate was halved so often that another should have been asked for."""
    asked, rate = trainer.plan.rate(len(trainer.done)), state.rates(trainer.stage)[0]
    if asked / rate >= CUT:
        yield (
            f"the learning rate was cut {asked / rate:.0f}-fold, from {asked:.3g} to {rate:.3g}, before the training "
            "went through: pass a smaller --lr"
        )


def not_learned(trainer: "Trainer") -> Iterator[str]:
    """Say which layers have weights as small as they began."""
    machines = [*trainer.done, trainer.stage.machine]
    for i, machine in enumerate(machines):
        if not isinstance(machine, Machine) or trainer.config.init:
            continue
        norm, count = weight_norm(machine.weights), sum(int(weight.count_nonzero()) for weight in machine.weights)
        first = FIRST * math.sqrt(count)
        if norm < GROWN * first:
            what, option = trainer.plan.names[i] or "the model", "--upper-lr" if i else "--lr"
            yield (
                f"{what} has hardly learned: the norm of its weights is {norm:.3g}, and {first:.3g} where it began; "
                f"take more --steps or a larger {option}{'' if i else _why(trainer)}"
            )


def _why(trainer: "Trainer") -> str:
    """Return why a first layer may have nothing to learn."""
    if trainer.encoder.visible != "gaussian":
        return ""
    return ", which may not help a single column or uncorrelated ones: small weights learn from correlations alone"


def below_start(trainer: "Trainer") -> Iterator[str]:
    """Say that held-out rows are less likely than under units that know nothing of each other, where it began."""
    if isinstance(trainer.model, DBN) or not isinstance(trainer.stage.machine, Machine) or not trainer.history:
        return
    score = trainer.history[-1].score
    if score is None:
        return
    v = trainer.watch.unseen[:, : trainer.encoder.width].cpu()
    start = baseline_log_likelihood(trainer.run.baseline, None, v) - math.log(max(trainer.encoder.labels, 1))
    if score < start - BELOW * abs(start):
        yield (
            f"held-out rows ended at {score:.2f} nats, below the {start:.2f} of units that know nothing of each other, "
            "where the training began: it has not learned, pass a smaller --lr"
        )
