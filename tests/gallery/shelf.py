"""The machines of the gallery as they were made, with the rows that they learned from."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from families import FAMILIES
from safetensors import safe_open
from torch import Tensor

from harmonium import Machine
from harmonium.storage import build

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Liar:
    """A machine of the gallery, the rows it learned from, and its exact log Z in nats."""

    name: str
    machine: Machine
    rows: Tensor
    log_z: float


def path_of(family: str) -> Path:
    """Return the file of a family."""
    return HERE / "machines" / f"{family}.safetensors"


@cache
def facts_of(family: str) -> dict[str, dict]:
    """Return what is known of each machine of a family."""
    with safe_open(path_of(family), framework="pt") as file:
        return json.loads(file.metadata()["gallery"])


def take(family: str, number: int) -> Liar:
    """Return one machine of a family."""
    name = f"{number:03}"
    held = facts_of(family)[name]
    blank = FAMILIES[family][1](family, number)
    machine = blank.machine if family in ("ising", "general") else build(held["machine"])
    with safe_open(path_of(family), framework="pt") as file, torch.no_grad():
        for key, parameter in machine.named_parameters():
            parameter.copy_(file.get_tensor(f"{name}/{key}").float())
    return Liar(f"{family}-{name}", machine.requires_grad_(False), blank.rows, held["log_z"])
