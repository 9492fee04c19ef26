"""What a session leaves on disk, and how another takes it up."""

import csv
import io
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from .. import storage
from ..errors import InputError
from .session import Epoch, Session

NAME = "checkpoint.safetensors"
OPEN = (  # figures that not every stage has
    "log_likelihood", "pseudo_likelihood", "label_error", "mean_field_change", "chain_drift",
    "free_energy_gap", "reconstruction_error",
)  # fmt: skip


def save(session: Session) -> None:
    """Write the checkpoint, the metrics and the model, each whole or not at all."""
    home = session.home
    storage.write_tensors(home.file(NAME), state(session), {"step": session.step})
    storage.write_bytes(home.file("metrics.csv"), table(session.history).encode())
    session.plan.save(home.path, [*session.done, session.machine])


def resume(session: Session) -> None:
    """Take a new session to where its run's checkpoint stands, bit for bit.

    Raises `InputError` when there is no checkpoint, or it does not fit the run.
    """
    where = session.home.file(NAME)
    found, facts = storage.read_tensors(where)
    try:
        for _ in range(max(0, int(facts["step"]) - 1) // session.lap):
            fill(session.machine, owned(found, f"done{len(session.done)}"), session.device)
            session.advance()
        for owner, module in session.stage.modules().items():
            fill(module, owned(found, owner), session.device)
        optimizer = session.stage.optimizer
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments(found)})
        for group, rate in zip(optimizer.param_groups, found["rates"].tolist(), strict=True):
            group["initial_lr"] = rate
        session.epoch_start = found["order"]
        session.chance.set_state(found["chance"])
        session.seconds = float(found["seconds"])
        session.history = [epoch(row) for row in found["history"].tolist()]
        session.step = int(facts["step"])
    except (KeyError, RuntimeError, ValueError, TypeError) as error:
        line = " ".join(str(error).split())
        raise InputError(f"{where} does not fit the run ({line}): train it again with --replace") from None


def state(session: Session) -> dict[str, Tensor]:
    """Return all that the next step depends on, by name."""
    held = {
        f"{owner}.{name}": value
        for owner, module in {**modules(session), **session.stage.modules()}.items()
        for name, value in module.state_dict().items()
        if value is not None
    }
    for i, kept in session.stage.optimizer.state_dict()["state"].items():
        held |= {f"optimizer.{i}.{name}": value for name, value in kept.items() if isinstance(value, Tensor)}
    rates = [group.get("initial_lr", group["lr"]) for group in session.stage.optimizer.param_groups]
    rows = [[float("nan") if value is None else value for value in vars(one).values()] for one in session.history]
    return held | {
        "order": session.epoch_start,
        "chance": session.chance.get_state(),
        "rates": torch.tensor(rates, dtype=torch.float64),
        "seconds": torch.tensor(session.seconds, dtype=torch.float64),
        "history": torch.tensor(rows, dtype=torch.float64).reshape(-1, len(fields(Epoch))),
    }


def modules(session: Session) -> dict[str, nn.Module]:
    """Return the machines of the stages that are done, by name."""
    return {f"done{i}": machine for i, machine in enumerate(session.done)}


def owned(found: dict[str, Tensor], owner: str) -> dict[str, Tensor]:
    """Return the tensors of one owner, by their own names."""
    return {key.removeprefix(f"{owner}."): value for key, value in found.items() if key.startswith(f"{owner}.")}


def fill(module: nn.Module, own: dict[str, Tensor], device: torch.device) -> None:
    """Give a module its tensors, buffers that are still empty included."""
    for name, value in own.items():
        if name in module._buffers:
            module._buffers[name] = value.to(device)
    module.load_state_dict(own, strict=True)


def moments(found: dict[str, Tensor]) -> dict[int, dict[str, Any]]:
    """Return the optimiser's memory of each parameter."""
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
