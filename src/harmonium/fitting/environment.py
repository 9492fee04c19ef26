"""What a run is made on: versions, processor, device and threads."""

import os
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .config import TrainConfig

if TYPE_CHECKING:
    import torch

FORMAT = "harmonium run 2"
LIGHT = 4_000_000  # multiply-adds in a batch's product below which a second thread costs more than it gives


def environment() -> dict[str, Any]:
    """Return what the run was made with: versions, platform, threads."""
    import torch

    return {
        "format": FORMAT,
        "python": platform.python_version(),
        **{name: version(name) for name in ("harmonium", "torch", "numpy")},
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def use_threads(config: TrainConfig, width: int) -> None:
    """Compute small machines on one thread: a second one costs more than it gives, tenfold on a busy machine."""
    import torch

    if width * max(config.layers, default=width) * config.batch_size < LIGHT:
        torch.set_num_threads(1)


def choose_device(word: str) -> "torch.device":
    """Return the device of a word; ``auto`` is CUDA where there is one, else the processor.

    Raises `InputError` for a device that this machine has not.
    """
    import torch

    from ..numerics import shards

    if word == "auto":
        word = "cuda" if torch.cuda.is_available() else "cpu"
    missing = (word.startswith("cuda") and not torch.cuda.is_available()) or (
        word == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise InputError(f"--device {word} was given and this machine has none: pass --device cpu")
    if word == "cuda" and shards.count() > 1:
        return torch.device("cuda", shards.index() % torch.cuda.device_count())
    return torch.device(word)
