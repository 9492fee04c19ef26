"""All that the next update of a training depends on, as named tensors; and how a training takes it up again."""

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor

from ..errors import DivergenceError, InputError
from ..numerics import distributed
from . import checkpoints
from .stages import Stage

if TYPE_CHECKING:
    from .course import Course
    from .figures import Epoch
    from .trainer import Trainer

CHAINS = "sampler.chains"  # whose rows lie in several processes, where there are several
HOLES = "holes.states"  # what rows with empty cells were last completed to
WHOLE = ("epoch", "stage", "step")  # figures of an epoch that are whole numbers
ALWAYS = (*WHOLE, "seconds", "lr", "loss", "static_weight_fraction", "weight_norm")  # figures that every stage has


def of_trainer(trainer: "Course") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return all that the next update depends on: tensors by name, and where the training stands."""
    held = {f"done{i}.{name}": x for i, machine in enumerate(trainer.done) for name, x in machine.state_dict().items()}
    held |= of_stage(trainer.stage) | {f"best.{name}": value for name, value in trainer.best.items()}
    for i, kept in trainer.stage.optimizer.state_dict()["state"].items():
        held |= {f"optimizer.{i}.{name}": value for name, value in kept.items() if isinstance(value, Tensor)}
    rows = [[float("nan") if value is None else value for value in vars(one).values()] for one in trainer.history]
    held |= {} if trainer.holes is None else {HOLES: trainer.holes.states}
    held |= {
        "order": trainer.epoch_start,
        "chance": trainer.chance.get_state(),
        "rates": torch.tensor(rates(trainer.stage), dtype=torch.float64),
        "times": torch.tensor([trainer.seconds, trainer.stage_began], dtype=torch.float64),
        "history": torch.tensor(rows, dtype=torch.float64),
    }
    return held, {"step": trainer.step, "stage": len(trainer.done), "lapsed": trainer.lapsed, "ended": trainer.ended}


def restore(
    trainer: "Course", where: Any, found: dict[str, Tensor], facts: dict[str, Any], problems: list[str]
) -> list[str]:
    """Take a training that is set up anew to where a checkpoint stands, bit for bit; return what was passed over.

    Raises `InputError` when the checkpoint does not fit the run.
    """
    from .figures import Epoch

    try:
        for i in range(int(facts["stage"])):
            trainer.stage.machine.load_state_dict(_owned(found, f"done{i}"))
            trainer.advance()
        fill_stage(trainer.stage, found)
        if trainer.holes is not None:
            trainer.holes.states.copy_(found[HOLES])
        trainer.best = _owned(found, "best")
        optimizer = trainer.stage.optimizer
        optimizer.load_state_dict({**optimizer.state_dict(), "state": _moments(found)})
        set_rates(trainer.stage, found["rates"].tolist())
        seed = 2 * (trainer.config.seed + int(facts["step"]))
        trainer.epoch_start = stream_at(found["order"], trainer.device, seed).get_state()
        trainer.chance = stream_at(found["chance"], trainer.device, seed + 1)
        trainer.seconds, trainer.stage_began = found["times"].tolist()
        trainer.history = [_epoch(Epoch, row) for row in found["history"].tolist()]
        trainer.step, trainer.lapsed, trainer.ended = int(facts["step"]), int(facts["lapsed"]), bool(facts["ended"])
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        line = " ".join(str(error).split())
        raise InputError(f"{where} does not fit the run ({line}): train it again with --replace") from None
    return problems


def go_back(trainer: "Trainer", cause: DivergenceError) -> None:
    """Take a training back to its newest checkpoint, at half the learning rate that it had, and log the event.

    A checkpoint that led to a divergence before may be broken already: then back to the beginning.
    """
    halved, at = [rate / 2 for rate in rates(trainer.stage)], trainer.step
    checkpoint = trainer.latest()
    before = [event["back_to"] for event in trainer.events if event["event"] == "diverged"]
    again = before[-1:] == [int(checkpoint[2]["step"])]
    trainer.begin_again()
    if not again:
        restore(trainer, *checkpoint)
    set_rates(trainer.stage, halved)
    home = None if distributed.index() else trainer.home
    if again:  # no checkpoint is kept but one of the beginning
        if home:
            checkpoints.clear(home.path)
        trainer.save()
    event = {"event": "diverged", "step": at, "back_to": trainer.step, "lr": halved, "cause": str(cause)}
    trainer.events.append(event)
    if home:
        with open(home.file("events.jsonl"), "a", encoding="utf-8") as log:
            log.write(json.dumps(event) + "\n")


def stream_at(held: Tensor, device: torch.device, seed: int) -> Generator:
    """Return a generator where another stood, or, since its state is none of this kind of device, at a seed."""
    made = Generator(device).manual_seed(seed)
    return made.set_state(held) if held.shape == made.get_state().shape else made


def refuse_infinite(step: int, held: dict[str, Tensor]) -> None:
    """Raise `DivergenceError` where a number of the machine, its optimizer or its chains is not finite."""
    for name, value in held.items():
        if name != "history" and value.is_floating_point() and not bool(value.isfinite().all()):
            raise DivergenceError(
                f"training diverged before step {step}: {name} is not finite; lower the learning rate"
            )


def of_stage(stage: Stage) -> dict[str, Tensor]:
    """Return the tensors of a stage, by owner and name; of chains those of all processes."""
    return {
        f"{owner}.{name}": distributed.whole(value) if f"{owner}.{name}" == CHAINS else value
        for owner, module in stage.modules().items()
        for name, value in module.state_dict().items()
        if value is not None
    }


def fill_stage(stage: Stage, found: dict[str, Tensor]) -> None:
    """Give a stage the tensors that `of_stage` returned; of chains this process's part."""
    for owner, module in stage.modules().items():
        module.load_state_dict(_owned(found, owner))


def rates(stage: Stage) -> list[float]:
    """Return the learning rate that each group of parameters started from."""
    return [group.get("initial_lr", group["lr"]) for group in stage.optimizer.param_groups]


def set_rates(stage: Stage, found: list[float]) -> None:
    """Set the learning rate that each group's schedule starts from."""
    for group, rate in zip(stage.optimizer.param_groups, found, strict=True):
        group["initial_lr"] = group["lr"] = rate


def _owned(found: dict[str, Tensor], owner: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(f"{owner}."): distributed.own(value) if key == CHAINS else value
        for key, value in found.items()
        if key.startswith(f"{owner}.")
    }


def _moments(found: dict[str, Tensor]) -> dict[int, dict[str, Any]]:
    """Return the optimizer's memory of each parameter."""
    kept: dict[int, dict[str, Any]] = {}
    for name, value in found.items():
        if name.startswith("optimizer."):
            _, i, key = name.split(".")
            kept.setdefault(int(i), {})[key] = value
    return kept


def _epoch(kind: "type[Epoch]", row: list[float]) -> "Epoch":
    """Return the figures of an epoch from their row in a checkpoint."""
    values: dict[str, Any] = dict(zip([field.name for field in fields(kind)], row, strict=True))
    values |= {name: int(values[name]) for name in WHOLE}
    values |= {name: None for name, value in values.items() if value != value and name not in ALWAYS}
    return kind(**values)
