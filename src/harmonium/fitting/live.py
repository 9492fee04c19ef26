"""A training that is changed while it runs; and one in memory that is given a directory."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data import steps_per_epoch
from ..errors import InputError
from . import state
from .config import TrainConfig
from .defaults import resolve
from .home import Home
from .stages import Generative
from .trainer import Trainer

LIVE = (
    "lr", "gibbs_steps", "sampler", "chains", "batch_size", "center", "l1", "l2", "sparsity", "sparsity_strength",
    "clip", "momentum", "hidden",
)  # fmt: skip
"""Settings that a training may change while it runs; others are made once."""


def change(trainer: Trainer, **settings: Any) -> None:
    """Change settings of a training between two updates: weights, chains and moments stay, and it goes on from there.

    The change is among the trainer's ``events``, and the settings of the run are the new ones.  A learning rate is that
    which the schedule starts from; of hidden units the first ones stay, and what is more is new.  Raises `InputError`
    for a setting that is made once, or does not fit.

    Example:
        >>> import harmonium as hm
        >>> trainer = hm.Trainer(hm.TrainConfig(hidden=8, epochs=2, seed=1), "digits")
        >>> change(trainer, lr=0.01)
        >>> [epoch.lr < 0.01 for epoch in trainer]
        [True, True]
    """
    made_once = [name for name in settings if name not in LIVE]
    if made_once:
        raise InputError(
            f"{made_once[0]} was given and is made once: begin a new training, or change {', '.join(LIVE)}"
        )
    if not isinstance(trainer.stage, Generative):
        raise InputError("a fine-tuning keeps its settings: leave it as it is, or begin a new one")
    words = trainer.config.model_dump(exclude_none=True) | settings
    config = resolve(TrainConfig(**{name: value for name, value in words.items() if value is not None}), trainer.rows)
    if len(config.layers) != len(trainer.config.layers) or ("hidden" in settings and len(trainer.plan.names) > 1):
        given = f"hidden {config.hidden} was given while {trainer.config.hidden} are trained"
        raise InputError(f"{given}, and layers are made once: give as many, of a model that is learned in one stage")
    before, made = trainer.stage, _made(trainer, config)
    _take_over(before, made)
    trainer.config, trainer.stage = config, made
    trainer.each = steps_per_epoch(len(trainer.rows), config.batch_size)
    trainer.best = {} if "hidden" in settings else trainer.best
    if "lr" not in settings:
        state.set_rates(made, state.rates(before))
    trainer.events.append({"event": "changed", "step": trainer.step, "settings": settings})
    trainer.save()


def _made(trainer: Trainer, config: TrainConfig) -> Generative:
    """Return the stage that a training is at, made with other settings; where that fails they are as they were."""
    before, trainer.plan.config = trainer.plan.config, config
    try:
        made = trainer.plan.make(trainer.done, trainer.first_rows(), trainer.chance)
    except BaseException:
        trainer.plan.config = before
        raise
    assert isinstance(made, Generative)
    return made


def _take_over(before: Generative, made: Generative) -> None:
    """Give a stage what another has learned; and its chains, where both have the same sampler."""
    old, new = before.machine.state_dict(), made.machine.state_dict()
    made.machine.load_state_dict({name: fitted(old[name], value) for name, value in new.items()})
    moments, parameters = before.optimizer.state_dict()["state"], [*made.machine.parameters()]
    held = {
        i: {name: fitted(x, torch.zeros_like(parameters[i])) if x.ndim else x for name, x in one.items()}
        for i, one in moments.items()
    }
    made.optimizer.load_state_dict({**made.optimizer.state_dict(), "state": held})
    same = _shapes(old) == _shapes(new)
    for b in made.transforms:
        for a in (a for a in before.transforms if type(a) is type(b) and same):
            b.load_state_dict(a.state_dict())
    kept, wanted = before.sampler.state_dict(), made.sampler.state_dict()
    if type(before.sampler) is type(made.sampler) and _shapes(kept) == _shapes(wanted):
        made.sampler.load_state_dict(kept)


def fitted(old: Tensor, new: Tensor) -> Tensor:
    """Return ``new`` with the part of ``old`` that lies in it, from the first entry of every axis on."""
    found, part = new.clone(), tuple(slice(min(a, b)) for a, b in zip(old.shape, new.shape, strict=True))
    found[part] = old[part]
    return found


def _shapes(held: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in held.items()}


def keep(trainer: Trainer, out: str | Path) -> Path:
    """Write a training in memory to a directory, as if it had begun there; return its path.

    Raises `InputError` where a run lies already, and `SaveError` where it cannot be written.

    Example:
        >>> import harmonium as hm
        >>> trainer = hm.Trainer(hm.TrainConfig(hidden=8, epochs=1, seed=1), "digits")
        >>> for epoch in trainer:
        ...     path = keep(trainer, "runs/kept")
        >>> len(hm.load(path).history)
        1
    """
    if trainer.home is None:
        trainer.home = Home.create(Path(out), trainer.splits, trainer.config)
        for epoch, arrays in trainer.snapshots.items():
            trainer.home.write_snapshot(epoch, arrays)
        if trainer.events:
            lines = "".join(f"{json.dumps(event)}\n" for event in trainer.events)
            trainer.home.file("events.jsonl").write_text(lines, encoding="utf-8")
    trainer.save()
    return trainer.home.path
