"""The magnet: its states from the files, and the machine that drew them."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...data import interpret
from ...data.sources import open_table
from ...errors import InputError
from ...machines import BoltzmannMachine
from ...units import Spin
from ..common.steps import Settings

FOLDER = "ising_4x4"
FILES = {
    "train": "ising_4_4_T_3_train.csv.gz", "test": "ising_4_4_T_3_test.csv.gz", "couplings": "couplings_J_derived.csv",
}  # fmt: skip


@dataclass(frozen=True)
class Magnet:
    """Rows of spins −1 and +1, (rows, 16), and the couplings over the temperature, (16, 16), that they came from."""

    train: Tensor
    test: Tensor
    couplings: Tensor


def load(settings: Settings) -> Magnet:
    """Return the first ``rows`` training and ``test_rows`` test rows in float64; raise `InputError` without files."""
    folder = find(settings["data_dir"])
    train, test = (spins(folder / FILES[split]) for split in ("train", "test"))
    table = open_table(folder / FILES["couplings"], "train").array
    couplings = torch.as_tensor(table, dtype=torch.float64) / settings["temperature"]
    return Magnet(train[: settings["rows"]], test[: settings["test_rows"]], couplings)


def find(data_dir: str | Path | None) -> Path:
    """Return the folder of the data set under ``data_dir``, or else under the folder that HARMONIUM_DATA names."""
    place = data_dir or os.environ.get("HARMONIUM_DATA")
    if not place:
        raise InputError(
            f"the recipe ising needs the data set {FOLDER}, which is not downloaded: pass --data-dir DIR, or set "
            f"HARMONIUM_DATA=DIR, with {', '.join(FILES.values())} in DIR/{FOLDER}"
        )
    folder = Path(place).expanduser() / FOLDER
    missing = [name for name in FILES.values() if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder} has no {', '.join(missing)}: put the files of the data set {FOLDER} there")
    return folder


def spins(path: Path) -> Tensor:
    """Return the zeros and ones of a file as spins."""
    bits, levels = interpret(open_table(path, "train").array, str(path))
    if levels != 1 or bits.shape[1] != 16:
        raise InputError(f"{path} is not a table of 16 columns of 0 and 1: put the files of the set {FOLDER} there")
    return 2 * torch.as_tensor(bits, dtype=torch.float64) - 1


@torch.no_grad()
def truth(magnet: Magnet) -> BoltzmannMachine:
    """Return the machine that the rows were drawn from: p(s) ∝ exp(½ sᵀJs / T), without biases."""
    machine = BoltzmannMachine(Spin(len(magnet.couplings))).double()
    machine.weight.copy_(magnet.couplings.triu(1))
    return machine


def pairs(matrix: Tensor) -> Tensor:
    """Return the entries above the diagonal, one a pair of spins."""
    above = torch.ones_like(matrix).triu(1).bool()
    return matrix.detach()[above]
