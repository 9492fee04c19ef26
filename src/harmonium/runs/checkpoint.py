"""What a session leaves on disk, and how another takes it up."""

import csv
import io
import json
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from .. import storage
from ..errors import DivergenceError, InputError, SaveError
from ..numerics import shards
from . import vault
from .session import Epoch, Session

OPEN = (  # figures that not every stage has
    "log_likelihood", "pseudo_likelihood", "label_error", "mean_field_change", "free_energy_drift",
    "free_energy_gap", "reconstruction_error",
)  # fmt: skip
CHAINS = "sampler.chains"  # whose rows lie in several processes, where there are several


def save(session: Session) -> None:
    """Write the checkpoint, the metrics and the model, each whole or not at all; of several processes, the first does.

    Raises `DivergenceError` rather than keep a number that is not finite, and `SaveError` where they cannot be written.
    """
    home, held = session.home, state(session)
    refuse_infinite(session.step, held)
    if shards.index():
        return
    vault.put(home.path, session.step, held)
    try:
        storage.write_bytes(home.file("metrics.csv"), table(session.history).encode())
        session.plan.save(home.path, [*session.done, session.machine])
    except OSError as error:
        line = f"{home.path} cannot be written ({error.strerror}): its checkpoint is whole, `--resume` goes on"
        raise SaveError(line) from error


def refuse_infinite(step: int, held: dict[str, Tensor]) -> None:
    """Raise `DivergenceError` where a number of the machine, its optimizer or its chains is not finite."""
    for name, value in held.items():
        if name != "history" and value.is_floating_point() and not bool(value.isfinite().all()):
            raise DivergenceError(
                f"training diverged before step {step}: {name} is not finite; lower the learning rate"
            )


def resume(session: Session) -> list[str]:
    """Take a new session to where its run's newest whole checkpoint stands, bit for bit; say what was passed over.

    Raises `InputError` when there is no checkpoint, or it does not fit the run.
    """
    where, found, facts, problems = vault.latest(session.home.path)
    try:
        for _ in range(max(0, int(facts["step"]) - 1) // session.lap):
            session.machine.load_state_dict(owned(found, f"done{len(session.done)}"))
            session.advance()
        for owner, module in session.stage.modules().items():
            module.load_state_dict(owned(found, owner))
        optimizer = session.stage.optimizer
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments(found)})
        set_rates(session, found["rates"].tolist())
        session.epoch_start = found["order"]
        session.chance.set_state(found["chance"])
        session.seconds = float(found["seconds"])
        session.history = [epoch(row) for row in found["history"].tolist()]
        session.step = int(facts["step"])
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        line = " ".join(str(error).split())
        raise InputError(f"{where} does not fit the run ({line}): train it again with --replace") from None
    return problems


def roll_back(session: Session, cause: DivergenceError) -> Session:
    """Return a session at the newest checkpoint, of half the learning rate that this one had, and log the event."""
    back = Session(session.home)
    resume(back)
    set_rates(back, [rate / 2 for rate in rates(session)])
    event = {"event": "diverged", "step": session.step, "back_to": back.step, "lr": rates(back), "cause": str(cause)}
    if shards.index():
        return back
    with open(session.home.file("events.jsonl"), "a", encoding="utf-8") as log:
        log.write(json.dumps(event) + "\n")
    return back


def rates(session: Session) -> list[float]:
    """Return the learning rate that each group of parameters started from."""
    return [group.get("initial_lr", group["lr"]) for group in session.stage.optimizer.param_groups]


def set_rates(session: Session, found: list[float]) -> None:
    """Set the learning rate that each group's schedule starts from."""
    for group, rate in zip(session.stage.optimizer.param_groups, found, strict=True):
        group["initial_lr"] = group["lr"] = rate


def state(session: Session) -> dict[str, Tensor]:
    """Return all that the next step depends on, by name."""
    held = {
        f"{owner}.{name}": shards.whole(value) if f"{owner}.{name}" == CHAINS else value
        for owner, module in {**modules(session), **session.stage.modules()}.items()
        for name, value in module.state_dict().items()
    }
    for i, kept in session.stage.optimizer.state_dict()["state"].items():
        held |= {f"optimizer.{i}.{name}": value for name, value in kept.items() if isinstance(value, Tensor)}
    rows = [[float("nan") if value is None else value for value in vars(one).values()] for one in session.history]
    return held | {
        "order": session.epoch_start,
        "chance": session.chance.get_state(),
        "rates": torch.tensor(rates(session), dtype=torch.float64),
        "seconds": torch.tensor(session.seconds, dtype=torch.float64),
        "history": torch.tensor(rows, dtype=torch.float64).reshape(-1, len(fields(Epoch))),
    }


def modules(session: Session) -> dict[str, nn.Module]:
    """Return the machines of the stages that are done, by name."""
    return {f"done{i}": machine for i, machine in enumerate(session.done)}


def owned(found: dict[str, Tensor], owner: str) -> dict[str, Tensor]:
    """Return the tensors of one owner, by their own names, and of chains this process's part."""
    return {
        key.removeprefix(f"{owner}."): shards.own(value) if key == CHAINS else value
        for key, value in found.items()
        if key.startswith(f"{owner}.")
    }


def moments(found: dict[str, Tensor]) -> dict[int, dict[str, Any]]:
    """Return the optimizer's memory of each parameter."""
    kept: dict[int, dict[str, Any]] = {}
    for name, value in found.items():
        if name.startswith("optimizer."):
            _, i, key = name.split(".")
            kept.setdefault(int(i), {})[key] = value
    return kept


def table(history: list[Epoch]) -> str:
    """Return the figures of all epochs as CSV; what is not known is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Epoch)])
    for one in history:
        writer.writerow(["" if value is None else value for value in vars(one).values()])
    return text.getvalue()


def epoch(row: list[float]) -> Epoch:
    """Return the figures of an epoch from their row in a checkpoint."""
    values: dict[str, Any] = dict(zip([field.name for field in fields(Epoch)], row, strict=True))
    values |= {name: int(values[name]) for name in ("epoch", "stage", "step")}
    values |= {name: None for name in OPEN if values[name] != values[name]}
    return Epoch(**values)
